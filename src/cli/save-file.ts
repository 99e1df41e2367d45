/** A file that a person asked for: never over another one, and readable by nobody else, since it holds what visitors sent. */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { asError, errnoOf, InterceptError } from '../base/errors.ts'

/** Resolves with the whole path. Throws BAD_USAGE with what the file system says. */
export async function saveFile(name: string, text: string, cwd: string): Promise<string> {
  const file = path.resolve(cwd, name)
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o600 })
    return file
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw new InterceptError('BAD_USAGE', `${name} exists already`, { hint: 'choose another name' })
    throw new InterceptError('BAD_USAGE', `${name} cannot be written: ${asError(error).message}`, {
      hint: 'choose another folder',
      cause: error
    })
  }
}
