/** One exchange as one aligned line: time, who, method, host and path, status, size, latency. Joins the events of an exchange; keeps only open ones. */
import { formatBytes, formatMs, printable } from '../base/format.ts'
import type { SessionEvent } from '../event/types.ts'
import type { Color, Paint } from './paint.ts'
import { abortWords, comparedWords, LONGEST_WHY, whyRemark } from '../event/state-words.ts'
import { cutMiddle, padEnd, padStart, widthOf } from '../base/width.ts'

type EventOf<T extends SessionEvent['type']> = Extract<SessionEvent, { type: T }>

interface Open {
  started: EventOf<'exchange.started'>
  request: EventOf<'exchange.request'> | undefined
  response: EventOf<'exchange.response'> | undefined
  /** Of a copy. */
  end?: EventOf<'exchange.completed'>
  compared?: EventOf<'exchange.compared'>
}

/** A session has fewer streams than this; more are lost events, whose lines nobody misses. */
const MAX_OPEN = 20_000
const PATH_WIDTH = 44
/** Below this the path counts more than room for the longest reason why a request was returned. */
const MIN_PATH_WIDTH = 24

export interface ExchangeLines {
  /** The line of an exchange that ended with this event, else undefined. */
  event(event: SessionEvent): string | undefined
}

export interface ExchangeLineOptions {
  paint: Paint
  /** Of the terminal; undefined for a file, where nothing is cut. */
  columns: number | undefined
  time: (at: string) => string
  /** With several targets each line says which. */
  targetWidth: () => number
}

export function exchangeLines(options: ExchangeLineOptions): ExchangeLines {
  const open = new Map<string, Open>()
  // Two targets number their exchanges on their own.
  const keyOf = (event: SessionEvent & { id: string }): string => `${event.target ?? ''} ${event.id}`
  return {
    event(event) {
      if (event.type === 'exchange.started') {
        if (open.size >= MAX_OPEN) open.delete(open.keys().next().value ?? '')
        open.set(keyOf(event), { started: event, request: undefined, response: undefined })
      } else if (event.type === 'exchange.request') {
        const known = open.get(keyOf(event))
        if (known !== undefined) known.request = event
      } else if (event.type === 'exchange.response') {
        const known = open.get(keyOf(event))
        if (known !== undefined) known.response = event
      } else if (event.type === 'exchange.completed' || event.type === 'exchange.aborted') {
        const key = keyOf(event)
        const known = open.get(key)
        // A copy's line says how its answer compares.
        if (known?.started.who === 'mirror' && event.type === 'exchange.completed') {
          known.end = event
          return undefined
        }
        open.delete(key)
        return known === undefined ? undefined : line(known, event, options)
      }
      if (event.type === 'exchange.compared' && event.kind === 'mirror') {
        const key = keyOf(event)
        const known = open.get(key)
        open.delete(key)
        return known?.end === undefined ? undefined : line({ ...known, compared: event }, known.end, options)
      }
      return undefined
    }
  }
}

type End = EventOf<'exchange.completed'> | EventOf<'exchange.aborted'>

function line(open: Open, end: End, { paint, columns, time, targetWidth }: ExchangeLineOptions): string {
  const { started, request, response } = open
  const status = end.type === 'exchange.completed' ? (end.status ?? response?.status) : response?.status
  const target = targetWidth() === 0 ? '' : `${padEnd(printable(started.target ?? ''), targetWidth())}  `
  const method = request?.method ?? protocolWord(started.protocol)
  const front = `${time(end.at)}  ${target}${padEnd(started.who, 8)}  ${padEnd(printable(method), 7)} `
  const back = ` ${padStart(status === undefined ? '–' : String(status), 3)}  ${padStart(formatBytes(end.bytesOut), 7)}  ${padStart(formatMs(msOf(end)), 7)}`
  const { room, remark } = fit(
    open.compared === undefined ? remarkOf(started, end) : `  ${comparedWords(open.compared)}`,
    columns === undefined ? Number.POSITIVE_INFINITY : columns - widthOf(front) - widthOf(back) - 1,
    end.type === 'exchange.aborted' || open.compared?.equal === false
  )
  const where = printable(request === undefined ? `from ${started.source}` : `${request.host}${request.path}`, 4_000)
  const path = padEnd(cutMiddle(where, room), Math.min(PATH_WIDTH, room))
  return `${front}${path}${paint(statusColor(status, end), back)}${paint(open.compared?.equal === false ? 'yellow' : 'dim', remark)}`
}

/** Room for the path, the same on every line that says no more than why it was returned; what broke is said whatever it costs. */
function fit(remark: string, free: number, broken: boolean): { room: number; remark: string } {
  if (broken) return { room: Math.max(12, free - widthOf(remark)), remark }
  const reserved = free - LONGEST_WHY - 2
  if (reserved >= MIN_PATH_WIDTH) return { room: reserved, remark }
  return { room: Math.max(12, free), remark: '' }
}

const protocolWord = (protocol: string): string => (protocol === 'unknown' ? 'RAW' : protocol.toUpperCase())

const msOf = (end: End): number => (end.type === 'exchange.completed' ? end.timings.totalMs : end.ms)

function remarkOf(started: EventOf<'exchange.started'>, end: End): string {
  if (end.type === 'exchange.aborted') return `  ${abortWords(end)}`
  const remark = whyRemark(started)
  return remark === '' ? '' : `  ${remark}`
}

function statusColor(status: number | undefined, end: End): Color {
  if (end.type === 'exchange.aborted' || (status ?? 0) >= 500) return 'red'
  return (status ?? 0) >= 400 ? 'yellow' : 'green'
}
