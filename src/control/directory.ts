/**
 * Where the sockets of this user's sessions are: `$XDG_RUNTIME_DIR/kubectl-intercept`, else `~/.kubectl-intercept/run`, else a folder of the
 * temporary directory, where the path of a socket would be too long. Only its owner may look inside. On Windows a file there names a pipe.
 */
import { chmod, lstat, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { errnoOf } from '../base/errors.ts'

/** What `sun_path` holds on every system that we run on (macOS: 104 with the closing zero). */
const MAX_SOCKET_PATH_BYTES = 100

export interface ControlPlace {
  env: Readonly<Record<string, string | undefined>>
  home: string
  tmp: string
  platform: string
  uid: number | undefined
}

/** All folders that may hold sockets of this user, the preferred one first. */
export function controlDirectories({ env, home, tmp, platform, uid }: ControlPlace): string[] {
  const runtime = env['XDG_RUNTIME_DIR']
  const folders = [path.join(home, '.kubectl-intercept', 'run')]
  if (platform === 'win32') return folders
  if (runtime !== undefined && path.isAbsolute(runtime)) folders.unshift(path.join(runtime, 'kubectl-intercept'))
  folders.push(path.join(tmp, `kubectl-intercept-${uid ?? 'user'}`))
  return folders.filter(folder => Buffer.byteLength(path.join(folder, '4194304.sock.new')) <= MAX_SOCKET_PATH_BYTES)
}

/** Makes the folder, private to this user. False when that is not possible: somebody else's, a link, a read-only disk. */
export async function preparePrivate(folder: string, uid: number | undefined): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const found = await lstat(folder)
    if (!found.isDirectory() || (uid !== undefined && found.uid !== uid)) return false
    if ((found.mode & 0o077) !== 0 && uid !== undefined) await chmod(folder, 0o700)
    return true
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
    return false
  }
}

/** The first folder that can be used; undefined when none can, which costs only `leave` and `list`. */
export async function chooseDirectory(place: ControlPlace): Promise<string | undefined> {
  for (const folder of controlDirectories(place)) {
    if (await preparePrivate(folder, place.uid)) return folder
  }
  return undefined
}
