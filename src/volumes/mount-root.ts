/**
 * A folder of this machine that a session fills and takes away again. A marker inside says whose it is and what was put there; only that is ever
 * removed, and never through a link that somebody put in the way.
 */
import { randomUUID } from 'node:crypto'
import { chmod, lstat, mkdir, open, readdir, readFile, realpath, rename, rm, rmdir } from 'node:fs/promises'
import path from 'node:path'
import { errnoOf } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { cannotWrite, mountFailed } from './failure.ts'
import { insidePath } from './inside.ts'
import { removeVolume } from './write-volume.ts'

export const MARKER = '.kubectl-intercept-mount'

/** A file that was put there once, as it was then: changed by the person, it is theirs. */
export interface PlacedFile {
  path: string
  size: number
  mtimeMs: number
}

export interface Marker {
  v: 1
  nonce: string
  pid: number
  /** Folders on the way to the root that this session made, the root among them. */
  made: string[]
  /** The root's mode before, when it was there. */
  mode: number | undefined
  /** Below the root: folders that `writeVolume` filled. */
  volumes: string[]
  files: PlacedFile[]
  links: string[]
  folders: string[]
}

export interface MountRoot {
  readonly path: string
  readonly nonce: string
  /** A folder for what is not whole yet; part of the root, so that a rename puts it in its place. */
  readonly staging: string
  /** Makes the folders on the way to this place below the root; refuses what leads elsewhere. */
  folder(relative: string): Promise<string>
  /** Writes down what is about to be, or was just, put there. */
  note(change: Partial<Pick<Marker, 'volumes' | 'files' | 'links' | 'folders'>>): Promise<void>
  /** Moves what lies in `staging` into a folder below the root; nothing is there yet, or MOUNT_FAILED. Names are those in `staging`. */
  adopt(folder: string, content: { files: readonly string[]; links: readonly string[]; folders: readonly string[] }): Promise<void>
  /** Takes everything away; what is left is somebody else's. */
  remove(): Promise<string[]>
}

interface Owner {
  pid: number
  uid: number | undefined
}

/** Throws MOUNT_FAILED where the folder holds anything, is a link, or belongs to somebody else. */
export async function openRoot(wanted: string, { pid, uid }: Owner): Promise<MountRoot> {
  const { root, made, mode } = await prepare(wanted, { pid, uid })
  const marker: Marker = { v: 1, nonce: randomUUID(), pid, made, mode, volumes: [], files: [], links: [], folders: [] }
  try {
    await chmod(root, 0o700)
    await saveMarker(root, marker)
  } catch (error) {
    await removeMarked(root, marker).catch(() => {}) // the first failure is the one to tell
    throw cannotWrite(root, error)
  }
  let saving = Promise.resolve()
  const note: MountRoot['note'] = change => {
    for (const key of ['volumes', 'links', 'folders'] as const) marker[key] = [...new Set([...marker[key], ...(change[key] ?? [])])]
    marker.files = [...marker.files, ...(change.files ?? [])]
    const saved = saving.then(() => saveMarker(root, marker))
    saving = saved.catch(() => {}) // whoever noted it sees the failure
    return saved
  }
  const staging = path.join(root, stagingName(marker))
  const makeFolder: MountRoot['folder'] = async relative => {
    const fresh = await missingFolders(root, relative)
    if (fresh.length > 0) await note({ folders: fresh })
    for (const folder of fresh) await mkdir(path.join(root, folder), { mode: 0o755 })
    return path.join(root, relative)
  }
  return {
    path: root,
    nonce: marker.nonce,
    staging,
    note,
    folder: makeFolder,
    async adopt(relative, { files, links, folders }) {
      const below = (name: string): string => (relative === '' ? name : `${relative}/${name}`)
      const placed = files.map(async name => {
        const { size, mtimeMs } = await lstat(path.join(staging, name))
        return { path: below(name), size, mtimeMs }
      })
      const folder = await makeFolder(relative)
      const names = await readdir(staging)
      for (const name of names) {
        if ((await lstat(path.join(folder, name)).catch(() => undefined)) === undefined) continue
        throw mountFailed(`${printable(path.join(folder, name))} is there already`, {
          hint: 'copy to a folder of its own: --mount NAME:LOCAL'
        })
      }
      // Before they arrive: a crash in between leaves nothing that nobody knows of.
      await note({ files: await Promise.all(placed), links: links.map(below), folders: folders.map(below) })
      for (const name of names) await rename(path.join(staging, name), path.join(folder, name))
    },
    async remove() {
      await saving
      return removeMarked(root, marker)
    }
  }
}

const stagingName = ({ nonce }: Pick<Marker, 'nonce'>): string => `..incoming.${nonce}`

async function prepare(wanted: string, { pid, uid }: Owner): Promise<{ root: string; made: string[]; mode: number | undefined }> {
  const shown = printable(wanted)
  const there = await lstat(wanted).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw cannotWrite(wanted, error)
  })
  if (there === undefined) return makeRoot(wanted)
  if (there.isSymbolicLink())
    throw mountFailed(`${shown} is a link`, {
      hint: `name the folder that it leads to: ls -l ${shown}; or another one that is not there yet`
    })
  if (!there.isDirectory()) throw mountFailed(`${shown} is no folder`, { hint: 'name a folder that is empty, or not there yet' })
  if (uid !== undefined && there.uid !== uid)
    throw mountFailed(`${shown} belongs to somebody else`, { hint: `name a folder of your own: ls -ld ${shown}` })
  const names = await readdir(wanted)
  if (names.includes(MARKER)) {
    const other = await readMarker(wanted)
    if (other?.pid === pid) throw mountFailed(`${shown} is named twice`, { hint: 'give each --mount a folder of its own' })
    throw mountFailed(`${shown} holds the files of another session (pid ${other?.pid ?? 'unknown'})`, {
      hint: 'name another folder; if that session has crashed, kubectl intercept leave removes them'
    })
  }
  if (names.length > 0)
    throw mountFailed(`${shown} is not empty`, { hint: 'name a folder that is empty, or not there yet: nothing of yours is overwritten' })
  return { root: await realpath(wanted), made: [], mode: there.mode & 0o7777 }
}

async function makeRoot(wanted: string): Promise<{ root: string; made: string[]; mode: undefined }> {
  const made: string[] = []
  try {
    for (let folder = wanted; ; folder = path.dirname(folder)) {
      if ((await lstat(folder).catch(() => undefined)) !== undefined || folder === path.dirname(folder)) break
      made.unshift(folder)
    }
    for (const folder of made) await mkdir(folder, { mode: folder === wanted ? 0o700 : 0o755 })
    return { root: await realpath(wanted), made: await Promise.all(made.map(folder => realpath(folder))), mode: undefined }
  } catch (error) {
    for (const folder of made.toReversed()) await rmdir(folder).catch(() => {}) // not made, or in use by now
    throw cannotWrite(wanted, error)
  }
}

async function missingFolders(root: string, relative: string): Promise<string[]> {
  const missing: string[] = []
  const parts = relative.split('/').filter(part => part !== '')
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const folder = parts.slice(0, depth).join('/')
    const there = await lstat(path.join(root, folder)).catch(() => undefined)
    if (there === undefined) missing.push(folder)
    else if (!there.isDirectory())
      throw mountFailed(`${printable(path.join(root, folder))} is no folder any more`, {
        hint: 'start the session again with another folder'
      })
  }
  return missing
}

async function saveMarker(root: string, marker: Marker): Promise<void> {
  const file = path.join(root, MARKER)
  const fresh = `${file}.new`
  const handle = await open(fresh, 'w', 0o600)
  try {
    await handle.writeFile(JSON.stringify(marker))
  } finally {
    await handle.close()
  }
  await rename(fresh, file)
}

export async function readMarker(root: string): Promise<Marker | undefined> {
  try {
    const read = JSON.parse(await readFile(path.join(root, MARKER), 'utf8')) as Partial<Marker>
    return read.v === 1 && typeof read.nonce === 'string' ? { ...EMPTY, ...read, v: 1, nonce: read.nonce } : undefined
  } catch {
    return undefined
  }
}

const EMPTY = { pid: 0, made: [], mode: undefined, volumes: [], files: [], links: [], folders: [] }

/** Resolves with what is left in the root: not ours, or changed since. */
export async function removeMarked(root: string, marker: Marker): Promise<string[]> {
  const straight = straightWays(root)
  if (!(await straight(''))) return []
  await rm(path.join(root, stagingName(marker)), { recursive: true, force: true })
  for (const volume of marker.volumes) if (await straight(volume)) await removeVolume(path.join(root, volume))
  const folders: string[] = []
  for (const folder of marker.folders.filter(name => name !== '').sort()) {
    if (!(await straight(folder))) continue
    folders.push(folder)
    await chmod(path.join(root, folder), 0o700)
  }
  const entryAt = async (name: string) => {
    const parent = path.posix.dirname(name)
    const reachable = insidePath(name) === name && (await straight(parent === '.' ? '' : parent))
    return reachable ? lstat(path.join(root, name)).catch(() => undefined) : undefined
  }
  for (const { path: name, size, mtimeMs } of marker.files) {
    const there = await entryAt(name)
    if (there?.isFile() === true && there.size === size && there.mtimeMs === mtimeMs) await rm(path.join(root, name))
  }
  for (const link of marker.links) if ((await entryAt(link))?.isSymbolicLink() === true) await rm(path.join(root, link))
  for (const folder of folders.toReversed()) await rmdir(path.join(root, folder)).catch(ignoreFilled)
  const left = (await readdir(root)).filter(name => name !== MARKER && name !== `${MARKER}.new`)
  for (const name of [MARKER, `${MARKER}.new`]) await rm(path.join(root, name), { force: true })
  if (marker.mode !== undefined) await chmod(root, marker.mode)
  if (left.length === 0) for (const folder of marker.made.toReversed()) await rmdir(folder).catch(ignoreFilled)
  return left
}

function ignoreFilled(error: unknown): void {
  if (!/^(?:ENOTEMPTY|EEXIST|ENOENT|EBUSY)$/.test(errnoOf(error) ?? '')) throw error
}

/** Whether every part of the way to a folder is a folder, and none a link. Each is looked at once. */
function straightWays(root: string): (relative: string) => Promise<boolean> {
  const known = new Map<string, boolean>()
  const look = async (relative: string): Promise<boolean> => {
    const seen = known.get(relative)
    if (seen !== undefined) return seen
    const above = relative === '' || (insidePath(relative) === relative && (await look(path.posix.dirname(relative).replace(/^\.$/, ''))))
    const there = above ? await lstat(path.join(root, relative)).catch(() => undefined) : undefined
    known.set(relative, there?.isDirectory() === true)
    return there?.isDirectory() === true
  }
  return look
}
