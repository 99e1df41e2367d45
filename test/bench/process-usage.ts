/** What a process has used, from /proc (Linux). */
import { readFileSync } from 'node:fs'

/** Clock ticks of /proc/PID/stat per second; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** CPU seconds (user and system, all threads) so far. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the name in brackets, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

export interface Memory {
  readonly now: number
  readonly peak: number
  /** Of `now`, what belongs to this process alone: without the program's own text and other files (Node's are 53 MiB), which all processes of it share. */
  readonly own: number
}

/** Resident memory in MiB. */
export function memoryMiB(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN)
  return { now: kib('VmRSS') / 1_024, peak: kib('VmHWM') / 1_024, own: kib('RssAnon') / 1_024 }
}
