/** What all events but the exchanges say to people. Closes over what was said before, so that nothing is said twice. */
import { formatMs, printable } from '../base/format.ts'
import { claimWords } from '../event/claim-words.ts'
import { servingWords, stateColor, stateWords } from '../event/state-words.ts'
import type { EventBody, EventType, Serving, SessionEvent, TargetState } from '../event/types.ts'
import type { Paint } from './paint.ts'
import { planLines, weightWords } from './plan-lines.ts'
import { summaryLines } from './summary-lines.ts'

type EventOf<T extends EventType> = Extract<SessionEvent, { type: T }>
type Render<T extends EventType> = (event: EventOf<T>) => string[]
type Renderers = { [T in EventType]?: Render<T> }

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

export function sessionLines({ paint, columns, time }: LineOptions): Renderers {
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

const hintText = (hint: string | undefined): string => (hint === undefined ? '' : ` – ${printable(hint)}`)

function noticeText({ level, message, hint }: EventOf<'notice'>, paint: Paint): string {
  const text = printable(message)
  return (level === 'warn' ? paint('yellow', `warning: ${text}`) : text) + hintText(hint)
}

function childWords({ pid, state, status, signal }: EventOf<'child.state'>): string {
  if (state !== 'ended') return `the command runs (pid ${pid})`
  return signal === undefined ? `the command ended with ${status ?? 0}` : `the command was ended by ${printable(signal)}`
}
