/**
 * A file or folder of a container, copied once through `tar` in it. It arrives beside its place and is renamed into it: what is cut off leaves nothing.
 * What the cluster or the container refuses is an answer; what fails on this machine is thrown.
 */
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { Transform } from 'node:stream'
import { errnoOf, InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import type { Cluster } from '../kube/types.ts'
import { cannotWrite } from './failure.ts'
import type { MountRoot } from './mount-root.ts'
import { type Extracted, readTar, stampFolders, type TarLimits } from './tar-reader.ts'

export interface CopySource {
  cluster: Pick<Cluster, 'execStream'>
  namespace: string
  pod: string
  container: string
  platform: string
  signal: AbortSignal
  limits?: TarLimits
}

export interface Copied {
  files: number
  bytes: number
  notes: string[]
}
export type Refused = { problem: string; hint?: string }

/** `from` is absolute; `to` is below the root, empty for the root itself. */
export async function copyOut(source: CopySource, from: string, place: { root: MountRoot; to: string }): Promise<Copied | Refused> {
  const { root, to } = place
  const parent = path.posix.dirname(from)
  const name = path.posix.basename(from)
  const asFolder = await receive(source, ['tar', 'cf', '-', '-C', from, '.'], root)
  // tar enters folders only: a file is asked for by its name.
  const got =
    'problem' in asFolder && asFolder.nothing && from !== '/'
      ? await receive(source, ['tar', 'cf', '-', '-C', parent, `./${name}`], root)
      : asFolder
  if ('problem' in got) {
    await rm(root.staging, { recursive: true, force: true })
    return { problem: got.problem, ...(got.hint === undefined ? {} : { hint: got.hint }) }
  }
  // A single file goes where it is named; into a root of its own as it is called.
  const folder = got === asFolder ? to : parentOf(to)
  try {
    await root.adopt(folder, { files: got.files, links: got.links, folders: [...got.folders.keys()] })
    await stampFolders(path.join(root.path, folder), got.folders)
  } catch (error) {
    throw cannotWrite(path.join(root.path, to), error)
  } finally {
    await rm(root.staging, { recursive: true, force: true })
  }
  return { files: got.files.length, bytes: got.bytes, notes: got.notes }
}

type Received = Extracted | (Refused & { nothing: boolean })

async function receive(source: CopySource, command: readonly string[], root: MountRoot): Promise<Received> {
  const { cluster, namespace, pod, container, platform, signal, limits } = source
  await rm(root.staging, { recursive: true, force: true })
  await mkdir(root.staging, { mode: 0o700 }).catch((error: unknown) => {
    throw cannotWrite(root.path, error)
  })
  const hint = `try it by hand: kubectl exec -n ${namespace} ${pod} -c ${container} -- ${command.join(' ')} | tar tf -`
  try {
    const { stdout, ended } = await cluster.execStream(namespace, pod, { container, command }, signal)
    const ending = endingOf()
    const got = await readTar(stdout.on('error', error => ending.destroy(error)).pipe(ending), root.staging, {
      platform,
      ...(limits === undefined ? {} : { limits })
    }).finally(() => stdout.destroy())
    const { exitCode, stderr } = await ended
    if (exitCode === 127)
      return {
        problem: 'the container has no tar',
        nothing: false,
        hint: `kubectl exec -n ${namespace} ${pod} -c ${container} -- tar --version`
      }
    if (exitCode === 0 && ending.whole()) return got
    const said = printable(stderr.split('\\x0a')[0] ?? '', 200)
    const nothing = got.files.length + got.folders.size + got.links.length === 0
    if (nothing || !ending.whole()) return { problem: `tar in the container failed: ${said || `exit code ${exitCode}`}`, nothing, hint }
    return { ...got, notes: [...got.notes, `tar left out: ${said}`] }
  } catch (error) {
    signal.throwIfAborted()
    if (isOfThisMachine(error)) throw cannotWrite(root.path, error)
    if (!(error instanceof Error)) throw error
    const own = error instanceof InterceptError ? error.hint : hint
    const problem = error instanceof InterceptError ? error.message : `${error.message}, and nothing of it was kept`
    return { problem, nothing: false, ...(own === undefined ? {} : { hint: own }) }
  }
}

/** Full disks and the like carry the name of a system call on files; a cut connection does not. */
const isOfThisMachine = (error: unknown): boolean =>
  (error instanceof Error && errnoOf(error) !== undefined && 'path' in error) || /^(?:ENOSPC|EDQUOT|EIO)$/.test(errnoOf(error) ?? '')

/** An archive that was written to its end ends in zeros. */
function endingOf(): Transform & { whole(): boolean } {
  let tail: Buffer = Buffer.alloc(0)
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      tail = chunk.length >= 512 ? chunk.subarray(-512) : Buffer.concat([tail, chunk]).subarray(-512)
      done(null, chunk)
    }
  })
  return Object.assign(stream, { whole: () => tail.length === 512 && tail.every(byte => byte === 0) })
}

const parentOf = (name: string): string => name.split('/').slice(0, -1).join('/')
