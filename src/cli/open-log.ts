/** A file that grows while a session runs; only for this user. What is in it already stays. */
import { type FileHandle, open } from 'node:fs/promises'
import path from 'node:path'
import { errnoOf, InterceptError } from '../base/errors.ts'
import { quoted } from './usage-error.ts'

/** Throws BAD_USAGE. */
export async function openLog({ flag, text }: { flag: string; text: string }, { cwd }: { cwd: string }): Promise<FileHandle> {
  try {
    return await open(path.resolve(cwd, text), 'a', 0o600)
  } catch (error) {
    throw new InterceptError('BAD_USAGE', `${flag}: ${quoted(text)} cannot be written (${errnoOf(error) ?? 'unknown reason'})`, {
      hint: `choose another file: ${flag} /tmp/intercept.log`,
      cause: error
    })
  }
}
