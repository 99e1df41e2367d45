/** Writes what may hold secrets: readable by this user only, and whole or not at all. */
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { errnoOf, InterceptError } from '../base/errors.ts'
import { quoted } from './usage-error.ts'

/** A new file takes the place of an old one, whatever that one allowed; through a symlink, of the file it leads to. Pipes and devices are written to. */
export async function writePrivateFile(
  typed: { flag: string; text: string },
  content: string,
  { cwd, pid }: { cwd: string; pid: number }
): Promise<void> {
  const wanted = path.resolve(cwd, typed.text)
  let temporary: string | undefined
  try {
    const target = await realpath(wanted).catch(() => wanted)
    const there = await stat(target).catch(() => undefined)
    if (there !== undefined && !there.isFile() && !there.isDirectory()) return await writeInto(target, { flags: 'w', content })
    temporary = path.join(path.dirname(target), `.${path.basename(target)}.${pid}.new`)
    await rm(temporary, { force: true })
    await writeInto(temporary, { flags: 'wx', content })
    await rename(temporary, target)
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => {}) // the first failure is the one to tell
    const folder = path.dirname(wanted)
    throw new InterceptError(
      'BAD_USAGE',
      `${typed.flag}: ${quoted(typed.text)} cannot be written (${errnoOf(error) ?? 'unknown reason'})`,
      {
        hint: `nothing was changed; see whether there is room and permission: df -h ${folder}; ls -ld ${folder}`,
        cause: error
      }
    )
  }
}

async function writeInto(file: string, { flags, content }: { flags: string; content: string }): Promise<void> {
  const handle = await open(file, flags, 0o600)
  try {
    await handle.writeFile(content)
    // A full disk may tell only now, and must before the old file is gone.
    if (flags === 'wx') await handle.sync()
  } finally {
    await handle.close()
  }
}
