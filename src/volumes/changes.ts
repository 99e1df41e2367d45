/** A mount's files before and now. Pure. */
import type { PlannedMount } from './types.ts'

/** Whether a mount needs to be written again. */
export const sameFiles = (a: PlannedMount, b: PlannedMount): boolean =>
  a.files.length === b.files.length &&
  a.files.every((file, index) => {
    const other = b.files[index]
    return other !== undefined && file.path === other.path && file.mode === other.mode && file.bytes.equals(other.bytes)
  })

/** `app.yaml (configmap/app:app.yaml), removed old.yaml` */
export function changesOf(before: PlannedMount, now: PlannedMount): string {
  const old = new Map(before.files.map(file => [file.path, file]))
  const changed = now.files.filter(file => {
    const known = old.get(file.path)
    return known === undefined || known.mode !== file.mode || !known.bytes.equals(file.bytes)
  })
  const removed = before.files.filter(({ path: name }) => !now.files.some(file => file.path === name))
  return [...changed.map(({ path: name, source }) => `${name} (${source})`), ...removed.map(({ path: name }) => `removed ${name}`)].join(
    ', '
  )
}
