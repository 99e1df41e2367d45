/** Log lines for machines: one JSON object each, by pino. Masking happened in the logger. */
import pino from 'pino'
import type { Clock } from '../base/clock.ts'
import type { LogRecord } from '../base/log.ts'
import type { TextSink } from './log.ts'

/** As in `log.ts`: what waits for a slow reader is bounded. */
const MAX_PENDING_BYTES = 1_048_576

export function jsonLogSink(out: TextSink, clock: Clock): (record: LogRecord) => void {
  const write = (line: string): void => {
    if (out.writableLength <= MAX_PENDING_BYTES) out.write(line)
  }
  const log = pino(
    {
      level: 'trace',
      base: null,
      timestamp: () => `,"time":"${clock.date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) }
    },
    { write }
  )
  return ({ level, scope, message, fields }) => log[level]({ ...(scope === '' ? {} : { scope }), ...fields }, message)
}
