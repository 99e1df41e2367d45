/**
 * What sessions that crashed left on this machine. Each mounted folder has a record beside the control sockets: which process, which folder, and the
 * nonce that its marker must have. Records of processes that run are not touched.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { asError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { readMarker } from './mount-marker.ts'
import { removeMarked } from './remove-marked.ts'

export interface Records {
  /** Where records are written; undefined where no folder can be used, which costs only the clean-up after a crash. */
  folder: string | undefined
  pid: number
  /** What tells this process from a later one of the same pid, where the system knows. */
  startOf: (pid: number) => Promise<string | undefined>
  isAlive: (pid: number) => boolean
}

interface MountRecord {
  v: 1
  pid: number
  start: string | undefined
  root: string
  nonce: string
}

const NAME = /^\d+\.[0-9a-f]{8}\.mount\.json$/

/** Returns what forgets it again. */
export async function writeRecord(records: Records, mount: { root: string; nonce: string }): Promise<() => Promise<void>> {
  const { folder, pid } = records
  if (folder === undefined) return async () => {}
  const record: MountRecord = { v: 1, pid, start: await records.startOf(pid), ...mount }
  const file = path.join(folder, `${pid}.${mount.nonce.slice(0, 8)}.mount.json`)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(file, JSON.stringify(record), { mode: 0o600, flag: 'wx' })
  return () => rm(file, { force: true })
}

/** One line for each folder that was cleaned, or could not be. */
export async function removeLeftovers(folders: readonly string[], records: Pick<Records, 'startOf' | 'isAlive'>): Promise<string[]> {
  const lines: string[] = []
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => [])
    for (const name of names.filter(one => NAME.test(one))) {
      const file = path.join(folder, name)
      const record = await readRecord(file)
      if (record !== undefined && (await runs(record, records))) continue
      const line = record === undefined ? undefined : await clean(record)
      if (line !== undefined) lines.push(line)
      await rm(file, { force: true })
    }
  }
  return lines
}

async function readRecord(file: string): Promise<MountRecord | undefined> {
  try {
    const read = JSON.parse(await readFile(file, 'utf8')) as Partial<MountRecord>
    const whole = read.v === 1 && typeof read.pid === 'number' && typeof read.root === 'string' && typeof read.nonce === 'string'
    return whole ? (read as MountRecord) : undefined
  } catch {
    return undefined
  }
}

async function runs({ pid, start }: MountRecord, records: Pick<Records, 'startOf' | 'isAlive'>): Promise<boolean> {
  if (!records.isAlive(pid)) return false
  return start === undefined || (await records.startOf(pid)) === start
}

async function clean({ root, nonce, pid }: MountRecord): Promise<string | undefined> {
  const marker = await readMarker(root)
  if (marker === undefined || marker.nonce !== nonce) return undefined
  try {
    const left = await removeMarked(root, marker)
    const said = `removed the pod's files from ${printable(root)}, left by a session that crashed (pid ${pid})`
    return left.length === 0
      ? said
      : `${said}; kept what is not from the pod, or was changed: ${left.map(name => printable(name)).join(', ')}`
  } catch (error) {
    return `cannot remove the pod's files from ${printable(root)}: ${printable(asError(error).message)}`
  }
}

/** Field 22 of /proc/PID/stat: when it started, in ticks since the machine did. */
export async function processStart(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // One that has ended and waits for its parent to look runs no more.
  return fields[0] === 'Z' ? undefined : fields[19]
}
