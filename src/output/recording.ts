/**
 * `--record FILE`: what passes, written while it passes, as HAR or as the session's events with the bodies. Nothing here waits: a file that takes no
 * more loses entries, and says how many. Headers are masked like everywhere.
 */
import { isUtf8 } from 'node:buffer'
import { harEntry, harHead, HAR_TAIL, fitsHar } from '../capture/har.ts'
import type { ExchangeLog, KeptBody, KeptExchange } from '../capture/kept.ts'
import type { Mask } from '../capture/mask.ts'
import type { SessionEvent } from '../event/types.ts'

export type RecordingFormat = 'har' | 'ndjson'

/** Where the text goes: false when it could not be taken. What is `last` is taken however much waits. */
export interface RecordingSink {
  write(text: string, last?: boolean): boolean
}

export interface RecordingOptions {
  format: RecordingFormat
  sink: RecordingSink
  log: ExchangeLog
  mask: Mask
  version: string
}

export interface Recording {
  event(event: SessionEvent): void
  /** Writes what belongs at the end. */
  end(): void
  /** Entries that the file did not take. */
  readonly lost: number
}

/** By the name's ending; undefined for another. */
export function recordingFormat(file: string): RecordingFormat | undefined {
  if (/\.har$/i.test(file)) return 'har'
  return /\.ndjson$/i.test(file) ? 'ndjson' : undefined
}

export function recording(options: RecordingOptions): Recording {
  return options.format === 'har' ? harRecording(options) : eventRecording(options)
}

function harRecording({ sink, log, mask, version }: RecordingOptions): Recording {
  let lost = 0
  let first = true
  const locals = new Map<string | undefined, string>()
  const localOf = (target: string | undefined): string | undefined => locals.get(target)
  sink.write(harHead({ version }))
  return {
    event(event) {
      if (event.type === 'plan.resolved') locals.set(event.target, event.local)
      if (event.type !== 'exchange.completed' && event.type !== 'exchange.aborted') return
      const exchange = log.get(event.id)
      if (exchange === undefined || !fitsHar(exchange)) return
      if (sink.write(`${first ? '' : ','}\n${JSON.stringify(harEntry(exchange, { mask, localOf }))}`)) first = false
      else lost += 1
    },
    end: () => void sink.write(HAR_TAIL, true),
    get lost() {
      return lost
    }
  }
}

function eventRecording({ sink, log }: RecordingOptions): Recording {
  let lost = 0
  return {
    event(event) {
      if (event.type === 'stats') return
      const ends = event.type === 'exchange.completed' || event.type === 'exchange.aborted'
      const bodies = ends ? bodiesOf(log.get(event.id)) : undefined
      const line = bodies === undefined ? JSON.stringify(event) : JSON.stringify({ ...event, bodies })
      if (!sink.write(`${line}\n`)) lost += 1
    },
    end: () => {},
    get lost() {
      return lost
    }
  }
}

/** As an event of a recording tells it; `docs/json-output.md`. */
interface RecordedBody {
  size: number
  truncated?: true
  text?: string
  base64?: string
}

/** Empty when there were none; undefined when they are forgotten already, so that a replay does not take them for empty. */
function bodiesOf(exchange: KeptExchange | undefined): { request?: RecordedBody; response?: RecordedBody } | undefined {
  if (exchange === undefined) return undefined
  const { request, response } = exchange
  return {
    ...(hasBody(request) && { request: recorded(request.body) }),
    ...(hasBody(response) && { response: recorded(response.body) })
  }
}

const hasBody = <T extends { body: KeptBody }>(message: T | undefined): message is T => message !== undefined && message.body.size > 0

function recorded({ bytes, size, truncated }: KeptBody): RecordedBody {
  const content = isUtf8(bytes) ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') }
  return { size, ...(truncated && { truncated }), ...content }
}
