/** What the session itself did, one line an event: the last ones, for the pane of events. */
import { formatMs, formatShare, printable } from '../base/format.ts'
import { claimWords } from '../event/claim-words.ts'
import type { EventType, SessionEvent } from '../event/types.ts'
import { type Line, toned } from './line.ts'

type Words = { [T in EventType]?: (event: Extract<SessionEvent, { type: T }>) => string | undefined }

const WORDS: Words = {
  'target.state': ({ from, to, cause, detail }) => `${from} → ${to} (${cause})${detail === undefined ? '' : ` – ${detail}`}`,
  'connector.state': ({ replica, from, to, cause }) => `connector ${replica}: ${from} → ${to} (${cause})`,
  'route.tried': event =>
    `route ${event.kind} ${event.ok ? 'works' : `falls out: ${event.reason ?? event.code ?? 'failed'}`} (${event.address}, ${formatMs(event.ms)})`,
  'route.chosen': ({ kind, describe }) => `route ${kind}: ${describe}`,
  probe: event =>
    `probe ${event.proof} ${event.attempt}/${event.of}: ${event.ok ? 'arrived' : (event.hop ?? event.code ?? 'did not arrive')} (${formatMs(event.ms)})`,
  'local.state': ({ address, up, cause }) => `local app ${address} is ${up ? 'up' : 'down'} (${cause})`,
  'return.state': ({ pod, ok, cause }) => `return path to ${pod}: ${ok ? 'open' : 'failed'} (${cause})`,
  'intercept.changed': ({ weight, share, filter, mirror, by }) =>
    mirror === true
      ? `copies only, the cluster answers (${by})`
      : filter === undefined
        ? `weight ${weight}, ${share === undefined ? 'share not known' : `a share of ${formatShare(share)}`} (${by})`
        : `only what matches ${printable(filter, 200)} (${by})`,
  claim: claimWords,
  command: ({ name, by }) => `command ${name} by ${by}`,
  'command.result': ({ ok, error }) => (ok ? undefined : `command failed: ${error?.message ?? ''}`),
  notice: ({ message, hint }) => `${message}${hint === undefined ? '' : ` – ${hint}`}`,
  error: ({ message }) => `error: ${message}`,
  'mirror.dropped': ({ slow, large, down, unanswered }) =>
    `copies not compared: ${slow} too fast, ${large} too large, ${down} without a local app, ${unanswered} without its answer`,
  'drain.progress': ({ inFlight }) => `draining: ${inFlight} still open`
}

/** Undefined for what the list, the first lines, or nobody wants to show. */
export function logText(event: SessionEvent): string | undefined {
  // The table is keyed by the type of the event that each entry takes.
  const words = WORDS[event.type] as ((event: SessionEvent) => string | undefined) | undefined
  return words?.(event)
}

export function logLine(event: SessionEvent, text: string, timeOf: (ms: number) => string): Line {
  const target = event.target === undefined ? '' : `${printable(event.target, 30)}  `
  const bad = event.type === 'error' || (event.type === 'notice' && event.level === 'warn')
  return [toned('gray', `${timeOf(Date.parse(event.at))}  ${target}`), bad ? toned('yellow', printable(text)) : { text: printable(text) }]
}
