/** What goes wrong on this machine's side of a mount, as the one error for it. */
import { errnoOf, InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the disk is read-only',
  ENAMETOOLONG: 'the name is too long for this disk',
  ENOTDIR: 'a part of the path is no folder',
  EEXIST: 'two names are the same on this disk, or something else stands in its place'
}

export const mountFailed = (message: string, options: { hint: string; cause?: unknown }): InterceptError =>
  new InterceptError('MOUNT_FAILED', message, options)

/** `file` is on this machine. Errors that say it already pass through unchanged. */
export function cannotWrite(file: string, thrown: unknown): Error {
  if (thrown instanceof InterceptError) return thrown
  const code = errnoOf(thrown)
  if (code === undefined) return thrown instanceof Error ? thrown : new Error(String(thrown))
  return mountFailed(`${printable(file)} cannot be written: ${REASONS[code] ?? code}`, {
    hint: `nothing half written is left; see whether there is room and permission: df -h ${printable(file)}`,
    cause: thrown
  })
}
