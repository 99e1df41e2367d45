/** A mount's files before and now. Pure. */
import type { PlannedMount, VolumeFile } from './types.ts'

/** Whether a mount needs to be written again. */
export const sameFiles = (a: PlannedMount, b: PlannedMount): boolean =>
  a.files.length === b.files.length &&
  a.files.every((file, index) => {
    const other = b.files[index]
    return other !== undefined && file.path === other.path && file.mode === other.mode && file.bytes.equals(other.bytes)
  })

export function changedFiles(before: PlannedMount, now: PlannedMount): { changed: VolumeFile[]; removed: VolumeFile[] } {
  const old = new Map(before.files.map(file => [file.path, file]))
  const changed = now.files.filter(file => {
    const known = old.get(file.path)
    return known === undefined || known.mode !== file.mode || !known.bytes.equals(file.bytes)
  })
  return { changed, removed: before.files.filter(({ path: name }) => !now.files.some(file => file.path === name)) }
}

/** `app.yaml (configmap/app:app.yaml), removed old.yaml` */
export function changesOf(before: PlannedMount, now: PlannedMount): string {
  const { changed, removed } = changedFiles(before, now)
  return [...changed.map(({ path: name, source }) => `${name} (${source})`), ...removed.map(({ path: name }) => `removed ${name}`)].join(
    ', '
  )
}
