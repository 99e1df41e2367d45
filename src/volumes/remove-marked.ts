/** Takes away what a marker says was put into a folder: only that, only as it was put there, and never through a link. */
import { chmod, lstat, readdir, rm, rmdir } from 'node:fs/promises'
import path from 'node:path'
import { errnoOf } from '../base/errors.ts'
import { insidePath } from './inside.ts'
import { MARKER, type Marker, stagingName } from './mount-marker.ts'
import { removeVolume } from './write-volume.ts'

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
