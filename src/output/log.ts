/** Log lines for people, on stderr: `12:04:31.123 info  tunnel  connected  replica=proxy-0`. Masking happened in the logger. */
import type { Clock } from '../base/clock.ts'
import { printable } from '../base/format.ts'
import type { LogRecord } from '../base/log.ts'

/** What waits in a slow terminal; more is dropped, since a log must not grow without bound. */
const MAX_PENDING_BYTES = 1_048_576

export interface TextSink {
  write(text: string): unknown
  readonly writableLength: number
}

export function logSink(out: TextSink, clock: Clock): (record: LogRecord) => void {
  return record => {
    if (out.writableLength > MAX_PENDING_BYTES) return
    out.write(`${clock.date().toISOString().slice(11, 23)} ${formatRecord(record)}\n`)
  }
}

export function formatRecord({ level, scope, message, fields }: LogRecord): string {
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${printable(fieldText(value), 500)}`)
  return [level.padEnd(5), scope === '' ? '-' : scope, message, ...pairs].join(' ')
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
  return JSON.stringify(value) ?? String(value)
}
