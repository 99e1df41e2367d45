/**
 * A session for people, as lines: the plan, the states, one line per exchange, the summary and the checked last line. Every text that came from
 * the network is made printable. A terminal that stands still loses exchange lines, never the session its time.
 */
import { formatMs, formatShare, printable } from '../base/format.ts'
import type { EventBody, EventType, Serving, SessionEvent, Summary, TargetState } from '../event/types.ts'
import { claimWords } from '../event/claim-words.ts'
import { exchangeLines } from './exchange-line.ts'
import { type Paint, painter } from './paint.ts'
import { servingWords, stateColor, stateWords } from '../event/state-words.ts'
import { padEnd, widthOf } from '../base/width.ts'

export interface TextWriter {
  write(text: string): unknown
  readonly writableLength: number
}

export interface PlainOptions {
  out: TextWriter
  color: boolean
  /** Of the terminal; undefined where lines may be as long as they are. */
  columns: number | undefined
  /** RFC 3339 → what stands at the beginning of a line; local time by default. */
  time?: (at: string) => string
}

export interface PlainOutput {
  event(event: SessionEvent): void
}

const MAX_PENDING_BYTES = 1_048_576

type EventOf<T extends EventType> = Extract<SessionEvent, { type: T }>
type Render<T extends EventType> = (event: EventOf<T>) => string[]
type Renderers = { [T in EventType]?: Render<T> }

/** Events come by the hundred within one second. */
function localTimes(): (at: string) => string {
  let lastSecond = ''
  let text = ''
  return at => {
    const second = at.slice(0, 19)
    if (second !== lastSecond) text = new Date(at).toLocaleTimeString('en-GB')
    lastSecond = second
    return text
  }
}

export function plainOutput({ out, color, columns, time = localTimes() }: PlainOptions): PlainOutput {
  const paint = painter(color)
  const targets = new Set<string>()
  const targetWidth = (): number => (targets.size < 2 ? 0 : Math.max(...[...targets].map(widthOf)))
  const exchanges = exchangeLines({ paint, columns, time, targetWidth })
  const renderers = sessionLines({ paint, columns, time })
  let skipped = 0
  const write = (lines: readonly string[]): void => {
    if (lines.length > 0) out.write(lines.map(line => `${line}\n`).join(''))
  }
  return {
    event(event) {
      if (event.type === 'plan.resolved' && event.target !== undefined) targets.add(event.target)
      const exchange = exchanges.event(event)
      if (exchange !== undefined && out.writableLength > MAX_PENDING_BYTES) {
        skipped += 1
        return
      }
      // The table is keyed by the type of the event that each entry takes.
      const render = renderers[event.type] as ((event: SessionEvent) => string[]) | undefined
      const lines = exchange === undefined ? (render?.(event) ?? []) : [exchange]
      if (lines.length === 0) return
      if (skipped > 0) write([`… ${skipped} lines left out: this terminal took them too slowly`])
      skipped = 0
      write(lines)
    }
  }
}

/** As it goes for whoever is alone. */
const QUIET_CLAIMS: ReadonlySet<string> = new Set(['acquired', 'released'])
const WHY_DROPPED = [
  ['slow', 'they come faster than they are taken'],
  ['large', 'their requests are too large'],
  ['down', 'nothing listens at the local port'],
  ['unanswered', 'the local app does not answer them']
] as const satisfies readonly (readonly [keyof EventBody<'mirror.dropped'>, string])[]

const UNREGISTERED: ReadonlySet<TargetState> = new Set(['resolving', 'waiting', 'connecting'])

interface LineOptions {
  paint: Paint
  columns: number | undefined
  time: (at: string) => string
}

/** What all events but the exchanges say. Closes over what was said before, so that nothing is said twice. */
function sessionLines({ paint, columns, time }: LineOptions): Renderers {
  const tried = new Map<string, string[]>()
  const serving = new Map<string, Serving>()
  const checked: string[] = []
  const failingPods = new Set<string>()
  const told = new Set<string>()
  /** Each reason once: the sum comes at the end. */
  const droppedLines = (event: EventOf<'mirror.dropped'>): string[] =>
    WHY_DROPPED.flatMap(([why, words]) => {
      if (event[why] === 0 || told.has(why)) return []
      told.add(why)
      return [`some copies are not compared: ${words}`]
    })
  const at = (event: SessionEvent, text: string): string[] => {
    const target = event.target === undefined ? '' : `${printable(event.target)}  `
    return [`${time(event.at)}  ${target}${text}`]
  }
  /** Before anything was registered the error itself says all. */
  const failedLine = (event: EventOf<'target.state'>): string[] => {
    if (UNREGISTERED.has(event.from)) return []
    return at(
      event,
      event.from === 'draining' ? 'left at once; not checked whether the cluster serves' : `failed (${printable(event.cause)})`
    )
  }
  return {
    'plan.resolved': event => planLines(event, paint),
    'route.tried'(event) {
      if (event.ok) return []
      const list = tried.get(event.target ?? '') ?? []
      tried.set(event.target ?? '', [...list, `${event.kind}: ${printable(event.reason ?? event.code ?? 'failed')}`].slice(-5))
      return []
    },
    'route.chosen'(event) {
      const others = tried.get(event.target ?? '') ?? []
      tried.delete(event.target ?? '')
      const covers = event.total > 1 ? `, ${event.replicas} of ${event.total} replicas` : ''
      const failed = others.length === 0 ? '' : paint('dim', ` (not by ${others.join('; ')})`)
      return at(event, `route ${printable(event.describe)}${covers}${failed}`)
    },
    'intercept.changed': event => at(event, weightWords(event)),
    'target.state'(event) {
      if (event.to === 'ended' || event.to === 'failed') {
        if (event.detail !== undefined) checked.push(paint(event.to === 'failed' ? 'red' : 'bold', printable(event.detail)))
        return event.detail === undefined && event.to === 'failed' ? failedLine(event) : []
      }
      if (event.to === 'resolving' || event.to === 'connecting') return []
      const words = paint(stateColor(event.to), printable(stateWords(event.to, event.detail)))
      const served = serving.get(event.target ?? '') === event.serving ? '' : ` · ${servingWords(event.serving)}`
      const first = serving.size === 0 && columns !== undefined && event.to !== 'draining'
      serving.set(event.target ?? '', event.serving)
      return [...at(event, `${words}${served}`), ...(first ? [paint('dim', 'Ctrl-C gives everything back')] : [])]
    },
    'return.state'(event) {
      if (event.ok) failingPods.delete(event.pod)
      if (event.ok || failingPods.has(event.pod)) return []
      failingPods.add(event.pod)
      return at(event, paint('yellow', `return path to pod ${printable(event.pod)} failed: ${printable(event.cause)}`))
    },
    probe(event) {
      if (event.ok || event.purpose !== 'verify' || event.attempt < event.of) return []
      return at(event, paint('yellow', `${event.proof} probe failed${event.hop === undefined ? '' : `: ${printable(event.hop)}`}`))
    },
    claim(event) {
      const words = QUIET_CLAIMS.has(event.action) ? undefined : claimWords(event)
      return words === undefined ? [] : at(event, printable(words))
    },
    notice: event => at(event, noticeText(event, paint)),
    error: event => (event.fatal ? [] : at(event, paint('red', `error: ${printable(event.message)}`) + hintText(event.hint))),
    command: event => (event.by === 'control' ? at(event, `${printable(event.name)} asked for by another kubectl intercept`) : []),
    'child.state': event => at(event, childWords(event)),
    'mirror.dropped': event => droppedLines(event).flatMap(line => at(event, paint('yellow', line))),
    'drain.progress': event => at(event, `waiting for ${event.inFlight} running, at most ${formatMs(event.remainingMs)}`),
    'session.ended': event => [
      ...summaryLines(event.summary, serving.size > 0),
      ...(event.recording === undefined ? [] : [`recorded in ${printable(event.recording)}`]),
      ...checked
    ]
  }
}

/** The plan: what is intercepted, what is not, and between which ends. */
function planLines(event: EventOf<'plan.resolved'>, paint: Paint): string[] {
  const name = printable(event.target ?? event.workload)
  const indent = ' '.repeat(widthOf(name) + 2)
  const replicas = event.server.pods.length
  const server = `${event.server.service} (${event.server.stock ? 'gost' : 'ours'}${replicas > 1 ? `, ${replicas} replicas` : ''})`
  const weights = event.sidecars.map(({ weight }) => weight)
  const sidecars =
    weights.length === 0 ? 'no sidecar' : `${plural(weights.length, 'sidecar')} of weight ${[...new Set(weights)].join(', ')}`
  const app = event.appPort === '' ? '' : `, app ${event.appPort}`
  return [
    `${paint('bold', padEnd(name, widthOf(name)))}  ${printable(event.workload)} → ${paint('bold', printable(event.local))}`,
    `${indent}tunnel ${printable(event.tunnel)} on ${printable(server)}, ${sidecars}${printable(app)}`,
    ...event.notes.map(note => `${indent}${note.includes('NOT') ? paint('yellow', printable(note)) : printable(note)}`)
  ]
}

function weightWords({ weight, share, shareSource, thinning, filter, mirror }: EventOf<'intercept.changed'>): string {
  if (mirror === true)
    return `copies only${filter === undefined ? '' : ` of what matches ${printable(filter)}`}: the cluster answers every visitor`
  if (filter !== undefined) return `only what matches ${printable(filter)}`
  if (thinning < 1)
    return `weight ${weight}, thinned here: ${formatShare(share)} of all visitors stay, the rest goes back to the cluster (${shareSource})`
  return share === 1 ? `weight ${weight} (all visitors)` : `weight ${weight} = ${formatShare(share)} of the visitors (${shareSource})`
}

const hintText = (hint: string | undefined): string => (hint === undefined ? '' : ` – ${printable(hint)}`)

function noticeText({ level, message, hint }: EventOf<'notice'>, paint: Paint): string {
  const text = printable(message)
  return (level === 'warn' ? paint('yellow', `warning: ${text}`) : text) + hintText(hint)
}

function childWords({ pid, state, status, signal }: EventOf<'child.state'>): string {
  if (state !== 'ended') return `the command runs (pid ${pid})`
  return signal === undefined ? `the command ended with ${status ?? 0}` : `the command was ended by ${printable(signal)}`
}

function summaryLines(summary: Summary, started: boolean): string[] {
  if (!started) return []
  const { requests, errors, returned, other = 0, p50, p95, durationMs } = summary
  if (requests === 0) return [`no request arrived in ${formatMs(durationMs)}`, ...mirrorLines(summary)]
  const parts = [
    `${requests.toLocaleString('en-US')} ${requests === 1 ? 'request' : 'requests'} in ${formatMs(durationMs)}`,
    plural(errors, 'error'),
    ...(returned > 0 ? [`${returned} returned to the cluster`] : []),
    ...(other > 0 ? [`${other} passed on to other laptops`] : []),
    ...(p50 === undefined ? [] : [`p50 ${formatMs(p50)}`]),
    ...(p95 === undefined ? [] : [`p95 ${formatMs(p95)}`])
  ]
  return [parts.join(', '), ...mirrorLines(summary)]
}

function mirrorLines({ mirror }: Summary): string[] {
  if (mirror === undefined) return []
  const { compared, different, dropped } = mirror
  const answers = `${compared.toLocaleString('en-US')} ${compared === 1 ? 'answer' : 'answers'} compared`
  return [`${answers}: ${compared - different} equal, ${different} different; ${plural(dropped, 'copy', 'copies')} not compared`]
}

const plural = (count: number, word: string, many = `${word}s`): string => `${count} ${count === 1 ? word : many}`
