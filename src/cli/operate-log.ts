/** How `server` and `sidecar` speak: lines for a person, or everything as JSON objects. Loads pino only for the latter. */
import { type Clock } from '../base/clock.ts'
import { printable } from '../base/format.ts'
import { type Logger, logger, maskUuids } from '../base/log.ts'
import { logSink, type TextSink } from '../output/log.ts'
import type { OperateSettings } from './operate-settings.ts'

/** What a line is about: the `msg` of its JSON. */
export type Happening = 'started' | 'registered' | 'draining' | 'drained'

export interface Voice {
  log: Logger
  /** What runs, in a sentence; ids are shortened. */
  say: (line: string, about?: Happening) => void
  warn: (line: string) => void
}

export async function openVoice(out: TextSink, settings: OperateSettings, clock: Clock): Promise<Voice> {
  const { logFormat, logLevel } = settings
  if (logFormat === 'json') {
    const { jsonLogSink } = await import('../output/json-log.ts')
    const log = logger(jsonLogSink(out, clock), logLevel)
    return {
      log,
      say: (line, about = 'started') => log.info(about, { what: line }),
      warn: line => log.warn('configuration', { problem: line })
    }
  }
  const say = (line: string): void => void out.write(`${printable(maskUuids(line))}\n`)
  return { log: logger(logSink(out, clock), logLevel), say, warn: line => say(`warning: ${line}`) }
}
