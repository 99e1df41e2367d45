/** Files that are written once and never again: a mount with `subPath`. */
import { mkdir, rm } from 'node:fs/promises'
import type { MountRoot } from './mount-root.ts'
import type { VolumeFile } from './types.ts'
import { parentsOf } from './volume-files.ts'
import { writeFiles } from './write-volume.ts'

/** Whole, or not at all. */
export async function writeOnce(root: MountRoot, folder: string, files: readonly VolumeFile[]): Promise<void> {
  await mkdir(root.staging, { mode: 0o700 })
  try {
    await writeFiles(root.staging, files)
    const folders = new Set(files.flatMap(file => parentsOf(file.path)))
    await root.adopt(folder, { files: files.map(file => file.path), links: [], folders: [...folders] })
  } finally {
    await rm(root.staging, { recursive: true, force: true })
  }
}
