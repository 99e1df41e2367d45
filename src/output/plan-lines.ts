/** A target in lines, as it is found: its plan, and the part of the visitors that comes here. */
import { formatShare, plural, printable } from '../base/format.ts'
import { padEnd, widthOf } from '../base/width.ts'
import type { EventBody, SessionEvent } from '../event/types.ts'
import type { Paint } from './paint.ts'

/** The plan: what is intercepted, what is not, and between which ends. */
export function planLines(event: Extract<SessionEvent, { type: 'plan.resolved' }>, paint: Paint): string[] {
  const name = printable(event.target ?? event.workload)
  const workload = event.workload === event.target ? '→' : `${printable(event.workload)} →`
  const indent = ' '.repeat(widthOf(name) + 2)
  const replicas = event.server.pods.length
  const server = `${event.server.service} (${event.server.stock ? 'gost' : 'ours'}${replicas > 1 ? `, ${replicas} replicas` : ''})`
  const weights = event.sidecars.map(({ weight }) => weight)
  const sidecars =
    weights.length === 0
      ? event.sidecarsUnknown === true
        ? 'other connectors not known'
        : 'no sidecar'
      : `${plural(weights.length, 'sidecar')} of weight ${[...new Set(weights)].join(', ')}`
  const app = event.appPort === '' ? '' : `, app ${event.appPort}`
  return [
    `${paint('bold', padEnd(name, widthOf(name)))}  ${workload} ${paint('bold', printable(event.local))}`,
    `${indent}tunnel ${printable(event.tunnel)} on ${printable(server)}, ${sidecars}${printable(app)}`,
    ...event.notes.map(note => `${indent}${note.includes('NOT') ? paint('yellow', printable(note)) : printable(note)}`)
  ]
}

export function weightWords({ weight, share, shareSource, thinning, filter, mirror }: EventBody<'intercept.changed'>): string {
  if (mirror === true)
    return `copies only${filter === undefined ? '' : ` of what matches ${printable(filter)}`}: the cluster answers every visitor`
  if (filter !== undefined) return `only what matches ${printable(filter)}`
  if (share === undefined) return `weight ${weight}: its share of the visitors is not known, nor who else registers`
  if (thinning < 1)
    return `weight ${weight}, thinned here: ${formatShare(share)} of all visitors stay, the rest goes back to the cluster (${shareSource})`
  return share === 1 ? `weight ${weight} (all visitors)` : `weight ${weight} = ${formatShare(share)} of the visitors (${shareSource})`
}
