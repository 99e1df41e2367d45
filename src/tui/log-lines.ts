/** What the session itself did, one line an event: the last ones, for the pane of events. */
import { formatMs, printable } from '../base/format.ts'
import type { SessionEvent } from '../event/types.ts'
import { type Line, toned } from './line.ts'

/** Undefined for what the list, the first lines, or nobody wants to show. */
export function logText(event: SessionEvent): string | undefined {
  switch (event.type) {
    case 'target.state':
      return `${event.from} → ${event.to} (${event.cause})${event.detail === undefined ? '' : ` – ${event.detail}`}`
    case 'connector.state':
      return `connector ${event.replica}: ${event.from} → ${event.to} (${event.cause})`
    case 'route.tried':
      return `route ${event.kind} ${event.ok ? 'works' : `falls out: ${event.reason ?? event.code ?? 'failed'}`} (${event.address}, ${formatMs(event.ms)})`
    case 'route.chosen':
      return `route ${event.kind}: ${event.describe}`
    case 'probe':
      return `probe ${event.proof} ${event.attempt}/${event.of}: ${event.ok ? 'arrived' : (event.hop ?? event.code ?? 'did not arrive')} (${formatMs(event.ms)})`
    case 'local.state':
      return `local app ${event.address} is ${event.up ? 'up' : 'down'} (${event.cause})`
    case 'return.state':
      return `return path to ${event.pod}: ${event.ok ? 'open' : 'failed'} (${event.cause})`
    case 'intercept.changed':
      return `weight ${event.weight}, a share of ${Math.round(event.share * 100)} % (${event.by})`
    case 'command':
      return `command ${event.name} by ${event.by}`
    case 'command.result':
      return event.ok ? undefined : `command failed: ${event.error?.message ?? ''}`
    case 'notice':
      return `${event.message}${event.hint === undefined ? '' : ` – ${event.hint}`}`
    case 'error':
      return `error: ${event.message}`
    case 'drain.progress':
      return `draining: ${event.inFlight} still open`
    default:
      return undefined
  }
}

export function logLine(event: SessionEvent, text: string, timeOf: (ms: number) => string): Line {
  const target = event.target === undefined ? '' : `${printable(event.target, 30)}  `
  const bad = event.type === 'error' || (event.type === 'notice' && event.level === 'warn')
  return [toned('gray', `${timeOf(Date.parse(event.at))}  ${target}`), bad ? toned('yellow', printable(text)) : { text: printable(text) }]
}
