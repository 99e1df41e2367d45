/**
 * A volume's files, all at once: written into a folder with a time in its name, to which `..data` then points; each name at the top is a link into
 * `..data`. Readers see the old files or the new ones. Reference: pkg/volume/util/atomic_writer.go, which this follows name by name.
 */
import { randomBytes } from 'node:crypto'
import { chmod, lstat, mkdir, open, readdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '../base/clock.ts'
import { errnoOf } from '../base/errors.ts'
import type { VolumeFile } from './types.ts'

const DATA = '..data'
const NEW_DATA = '..data_tmp'
/** `..2026_11_26_12_04_31.1804289383` */
const STAMPED = /^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+$/

/** The folder exists. Names that are taken by something that is not ours are left alone and returned. What fails leaves the old files as they were. */
export async function writeVolume(folder: string, files: readonly VolumeFile[], clock: Clock): Promise<string[]> {
  const stamped = stampedName(clock.date())
  const target = path.join(folder, stamped)
  const old = await readlink(path.join(folder, DATA)).catch(() => undefined)
  try {
    await mkdir(target, { mode: 0o755 })
    await chmod(target, 0o755)
    await writeFiles(target, files)
    await rm(path.join(folder, NEW_DATA), { force: true })
    await symlink(stamped, path.join(folder, NEW_DATA), 'dir')
    await rename(path.join(folder, NEW_DATA), path.join(folder, DATA))
  } catch (error) {
    await rm(path.join(folder, NEW_DATA), { force: true }).catch(() => {}) // the first failure is the one to tell
    await rm(target, { recursive: true, force: true }).catch(() => {})
    throw error
  }
  const blocked = await linkNames(folder, new Set(files.map(file => file.path.split('/')[0] ?? '')))
  if (old !== undefined && STAMPED.test(old) && old !== stamped) await rm(path.join(folder, old), { recursive: true, force: true })
  return blocked
}

function stampedName(now: Date): string {
  const time = now.toISOString().slice(0, 19).replace(/[-T:]/g, '_')
  return `..${time}.${randomBytes(4).readUInt32BE()}`
}

/** Into a folder that nobody reads yet. Throws what the file system throws. */
export async function writeFiles(folder: string, files: readonly VolumeFile[]): Promise<void> {
  const made = new Set<string>()
  for (const file of files) {
    const parts = file.path.split('/').slice(0, -1)
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const parent = path.join(folder, ...parts.slice(0, depth))
      if (made.has(parent)) continue
      await mkdir(parent)
      await chmod(parent, 0o755)
      made.add(parent)
    }
    await writeFile(path.join(folder, file.path), file)
  }
}

/** A new file with exactly this mode, whatever the umask. */
export async function writeFile(name: string, { bytes, mode }: Pick<VolumeFile, 'bytes' | 'mode'>): Promise<void> {
  const handle = await open(name, 'wx', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.chmod(mode)
  } finally {
    await handle.close()
  }
}

async function linkNames(folder: string, names: ReadonlySet<string>): Promise<string[]> {
  const blocked: string[] = []
  for (const name of names) {
    const link = path.join(folder, name)
    try {
      await symlink(path.join(DATA, name), link)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
      if (!(await isOurLink(link, name))) blocked.push(name)
    }
  }
  for (const name of await readdir(folder)) {
    if (names.has(name) || name.startsWith('..')) continue
    if (await isOurLink(path.join(folder, name), name)) await rm(path.join(folder, name))
  }
  return blocked
}

const isOurLink = async (link: string, name: string): Promise<boolean> =>
  (await readlink(link).catch(() => undefined)) === path.join(DATA, name)

/** Takes away what `writeVolume` made, and nothing else. */
export async function removeVolume(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const entry = path.join(folder, name)
    if (STAMPED.test(name) && (await lstat(entry)).isDirectory()) await rm(entry, { recursive: true, force: true })
    else if (name === DATA || name === NEW_DATA) {
      if (STAMPED.test((await readlink(entry).catch(() => undefined)) ?? '')) await rm(entry)
    } else if (await isOurLink(entry, name)) await rm(entry)
  }
}
