/**
 * What `tar` in a container writes, into an empty folder of ours. The archive is a stranger's: names that are absolute or climb end it, links are made
 * last and only where they stay inside, devices and sockets are left out, nothing is written through a link.
 */
import { chmod, copyFile, mkdir, open, symlink, utimes } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { extract, type Header } from 'tar-stream'
import { printable } from '../base/format.ts'
import { mountFailed } from './failure.ts'
import { insidePath, isPlainName } from './inside.ts'
import { linksInside } from './links.ts'

export interface TarLimits {
  entries: number
  bytes: number
}

export const TAR_LIMITS: TarLimits = { entries: 200_000, bytes: 16 * 1024 ** 3 }

export interface Extracted {
  files: string[]
  /** Still 0700: `stampFolders` gives them their modes once they are in their place. */
  folders: Map<string, Stamp>
  links: string[]
  bytes: number
  /** One line each: what was left out. */
  notes: string[]
}

export type Stamp = Pick<Header, 'mode'> & Partial<Pick<Header, 'mtime'>>
type Content = AsyncIterable<Buffer>

interface Reading {
  into: string
  platform: string
  limits: TarLimits
  out: Extracted
  folders: Map<string, Stamp>
  files: Set<string>
  links: Map<string, string>
}

/** Throws MOUNT_FAILED for an archive that is not taken, and what the stream and the file system throw. `into` exists and is empty. */
export async function readTar(archive: Readable, into: string, options: { platform: string; limits?: TarLimits }): Promise<Extracted> {
  const { platform, limits = TAR_LIMITS } = options
  const out: Extracted = { files: [], folders: new Map(), links: [], bytes: 0, notes: [] }
  const reading: Reading = { into, platform, limits, out, folders: new Map([['', { mode: 0o700 }]]), files: new Set(), links: new Map() }
  const entries = extract()
  archive.once('error', error => entries.destroy(error))
  archive.pipe(entries)
  try {
    let count = 0
    for await (const entry of entries) {
      count += 1
      if (count > limits.entries) throw tooLarge(`more than ${limits.entries} entries`)
      await take(reading, entry.header, entry as Content)
      entry.resume()
    }
  } finally {
    archive.destroy()
  }
  await makeLinks(reading)
  reading.folders.delete('')
  out.folders = reading.folders
  out.files = [...reading.files]
  return out
}

const tooLarge = (what: string): Error =>
  mountFailed(`it holds ${what}`, { hint: 'copy a part of it: --mount PATH:LOCAL with a deeper PATH' })

async function take(reading: Reading, header: Header, content: Content): Promise<void> {
  const { out, platform, into } = reading
  const name = insidePath(header.name)
  if (name === undefined)
    throw mountFailed(`its archive holds ${printable(header.name, 200)}, which leads out of the folder`, { hint: HOSTILE })
  if (!isPlainName(name, platform)) return void out.notes.push(`${printable(name)} is no name for this system`)
  const { type } = header
  if (name === '' && type !== 'directory') throw mountFailed('its archive holds a file without a name', { hint: HOSTILE })
  if (type === 'directory') await takeFolder(reading, name, header)
  else if (type === 'symlink') {
    await takeFolder(reading, parentOf(name))
    reading.links.set(name, header.linkname)
  } else if (type === 'file' || type === 'contiguous-file') {
    await takeFolder(reading, parentOf(name))
    await takeFile(reading, { name, header, content })
  } else if (type === 'link') {
    const source = insidePath(header.linkname)
    if (source === undefined || !reading.files.has(source))
      return void out.notes.push(`${printable(name)} is a hard link to something outside`)
    await takeFolder(reading, parentOf(name))
    refuseTwice(reading, name)
    await copyFile(path.join(into, source), path.join(into, name))
    reading.files.add(name)
  } else out.notes.push(`${printable(name)} is a ${type}`)
}

const HOSTILE = 'nothing of it was kept; look at it by hand: kubectl exec -- ls -lR'

const parentOf = (name: string): string => name.split('/').slice(0, -1).join('/')

/** With all above it. Links do not exist yet, so that every part of the way is a folder that was made here. */
async function takeFolder(reading: Reading, name: string, header?: Stamp): Promise<void> {
  if (name !== '' && !reading.folders.has(name)) {
    await takeFolder(reading, parentOf(name))
    refuseTwice(reading, name)
    await mkdir(path.join(reading.into, name), { mode: 0o700 })
  }
  const known = reading.folders.get(name)
  if (name !== '' && (header !== undefined || known === undefined)) reading.folders.set(name, header ?? { mode: 0o755 })
}

function refuseTwice({ files, links, folders }: Reading, name: string): void {
  if (files.has(name) || links.has(name) || folders.has(name))
    throw mountFailed(`its archive holds ${printable(name)} twice`, { hint: HOSTILE })
}

async function takeFile(reading: Reading, { name, header, content }: { name: string; header: Header; content: Content }): Promise<void> {
  const { out, limits, into } = reading
  refuseTwice(reading, name)
  const file = path.join(into, name)
  const handle = await open(file, 'wx', 0o600)
  try {
    for await (const chunk of content) {
      out.bytes += chunk.length
      if (out.bytes > limits.bytes) throw tooLarge(`more than ${limits.bytes / 1024 ** 3} GiB`)
      await handle.writeFile(chunk)
    }
  } finally {
    await handle.close()
  }
  await stamp(file, header)
  reading.files.add(name)
}

async function stamp(file: string, { mode, mtime }: Stamp): Promise<void> {
  if (mtime !== undefined && !Number.isNaN(mtime.getTime())) await utimes(file, mtime, mtime)
  await chmod(file, mode & 0o777)
}

/** The innermost first: a folder that may not be written to would refuse its own. */
export async function stampFolders(base: string, folders: ReadonlyMap<string, Stamp>): Promise<void> {
  for (const [name, header] of [...folders].sort(([a], [b]) => (a < b ? 1 : -1))) await stamp(path.join(base, name), header)
}

async function makeLinks({ into, links, files, folders, out }: Reading): Promise<void> {
  const { kept, refused } = linksInside(links)
  for (const name of refused) out.notes.push(`${printable(name)} is a link that leads out of the folder`)
  for (const [name, target] of kept) {
    if (files.has(name) || folders.has(name)) throw mountFailed(`its archive holds ${printable(name)} twice`, { hint: HOSTILE })
    await symlink(target, path.join(into, name))
    out.links.push(name)
  }
}
