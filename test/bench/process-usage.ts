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

/** Resident memory in MiB, now and at its highest. */
export function memoryMiB(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN)
  return { now: kib('VmRSS') / 1_024, peak: kib('VmHWM') / 1_024 }
}
