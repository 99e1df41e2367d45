/**
 * A folder of this machine that a session fills and takes away again. A marker inside says whose it is and what was put there; only that is ever
 * removed, and never through a link that somebody put in the way.
 */
import { randomUUID } from 'node:crypto'
import { chmod, lstat, mkdir, readdir, rename } from 'node:fs/promises'
import path from 'node:path'
import { printable } from '../base/format.ts'
import { cannotWrite, mountFailed } from './failure.ts'
import { type Marker, saveMarker, stagingName } from './mount-marker.ts'
import { type Owner, prepareRoot } from './prepare-root.ts'
import { removeMarked } from './remove-marked.ts'

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

/** Throws MOUNT_FAILED where the folder holds anything, is a link, or belongs to somebody else. */
export async function openRoot(wanted: string, { pid, uid }: Owner): Promise<MountRoot> {
  const { root, made, mode } = await prepareRoot(wanted, { pid, uid })
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
