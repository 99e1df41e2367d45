/**
 * Events → what a session is now: one pure function, so that the status line, `list` and the TUI cannot disagree. Counts exchanges and does not keep
 * them.
 */
import type { ConnectorState, RouteKind, Serving, SessionEvent, Summary, TargetState } from './types.ts'

export interface ConnectorView {
  state: ConnectorState
  peer?: 'gost' | 'ours'
  rttMs?: number
  cause: string
}

export interface TargetView {
  state: TargetState
  /** When it came into this state. */
  since: string
  cause: string
  detail?: string
  serving: Serving
  workload?: string
  namespace?: string
  local?: string
  hosts: readonly string[]
  sidecars: number
  /** Server replicas with a bound connector of ours, of those that exist. */
  bound: number
  replicas: number
  connectors: Readonly<Record<string, ConnectorView>>
  route?: { kind: RouteKind; describe: string }
  weight?: number
  /** 0…1. */
  share?: number
  shareSource?: 'computed' | 'measured' | 'unknown'
  thinning?: number
  /** Only what matches it is taken. */
  filter?: string
  mirror?: true
  localUp?: boolean
}

export interface Counters {
  started: number
  inFlight: number
  requests: number
  /** Answers of 500 and more, and exchanges that broke. */
  errors: number
  returned: number
  /** Passed on to other laptops. */
  other: number
  bytesIn: number
  bytesOut: number
}

export interface SessionView {
  session?: string
  startedAt?: string
  pid?: number
  user?: string
  version?: string
  command?: string
  kind?: 'access' | 'mount'
  cluster?: { context: string; server: string }
  targets: Readonly<Record<string, TargetView>>
  counters: Counters
  /** Replays and copies under way: they are nobody's visit, and not counted. */
  replays: readonly string[]
  ended?: { reason: string; exitCode: number; summary: Summary }
}

const NO_COUNTS: Counters = { started: 0, inFlight: 0, requests: 0, errors: 0, returned: 0, other: 0, bytesIn: 0, bytesOut: 0 }
export const EMPTY_VIEW: SessionView = { targets: {}, counters: NO_COUNTS, replays: [] }

export function reduce(view: SessionView, event: SessionEvent): SessionView {
  if (event.type === 'session.started') {
    const { session, at, pid, user, version, command, kind, cluster } = event
    const targets = Object.fromEntries(event.targets.map(name => [name, newTarget(at)]))
    const where = { ...(cluster !== undefined && { cluster }), ...(kind !== undefined && { kind }) }
    return { ...view, session, startedAt: at, pid, user, version, command, ...where, targets: { ...targets, ...view.targets } }
  }
  if (event.type === 'session.ended') {
    return { ...view, ended: { reason: event.reason, exitCode: event.exitCode, summary: event.summary } }
  }
  if (event.type === 'exchange.started' || event.type === 'exchange.completed' || event.type === 'exchange.aborted') {
    if (event.type === 'exchange.started' && (event.who === 'replay' || event.who === 'mirror'))
      return { ...view, replays: [...view.replays, event.id] }
    if (view.replays.includes(event.id))
      return event.type === 'exchange.started' ? view : { ...view, replays: view.replays.filter(id => id !== event.id) }
    return { ...view, counters: count(view.counters, event) }
  }
  return event.target === undefined ? view : withTarget(view, event.target, event)
}

function withTarget(view: SessionView, name: string, event: SessionEvent): SessionView {
  const before = view.targets[name] ?? newTarget(event.at)
  const after = reduceTarget(before, event)
  return after === before && Object.hasOwn(view.targets, name) ? view : { ...view, targets: { ...view.targets, [name]: after } }
}

const newTarget = (at: string): TargetView => ({
  state: 'resolving',
  since: at,
  cause: '',
  serving: 'cluster',
  hosts: [],
  sidecars: 0,
  bound: 0,
  replicas: 0,
  connectors: {}
})

function reduceTarget(target: TargetView, event: SessionEvent): TargetView {
  if (event.type === 'target.state') return withState(target, event)
  if (event.type === 'connector.state') return withConnector(target, event)
  if (event.type === 'route.chosen') return { ...target, route: { kind: event.kind, describe: event.describe }, replicas: event.total }
  if (event.type === 'local.state') return { ...target, localUp: event.up }
  if (event.type === 'plan.resolved') {
    const { workload, namespace, local, hosts } = event
    return {
      ...target,
      workload,
      ...(namespace !== undefined && { namespace }),
      local,
      hosts,
      sidecars: event.sidecars.length,
      replicas: event.server.pods.length
    }
  }
  if (event.type === 'intercept.changed') {
    const { weight, share, shareSource, thinning, filter, mirror } = event
    const { filter: _before, share: _old, ...rest } = target
    return {
      ...rest,
      weight,
      ...(share !== undefined && { share }),
      shareSource,
      thinning,
      ...(filter !== undefined && { filter }),
      ...(mirror === true && { mirror })
    }
  }
  return target
}

function withState(target: TargetView, event: Extract<SessionEvent, { type: 'target.state' }>): TargetView {
  const { detail: _gone, ...rest } = target
  const { to: state, at: since, cause, serving, detail } = event
  return { ...rest, state, since, cause, serving, ...(detail === undefined ? {} : { detail }) }
}

function withConnector(target: TargetView, event: Extract<SessionEvent, { type: 'connector.state' }>): TargetView {
  const { peer, rttMs } = { ...target.connectors[event.replica], ...event }
  const connector: ConnectorView = {
    state: event.to,
    cause: event.cause,
    ...(peer === undefined ? {} : { peer }),
    ...(rttMs === undefined ? {} : { rttMs })
  }
  const connectors = { ...target.connectors, [event.replica]: connector }
  // A replica that went away for good is no longer counted.
  if (event.to === 'closed' || event.to === 'withdrawn') delete connectors[event.replica]
  return { ...target, connectors, bound: Object.values(connectors).filter(({ state }) => state === 'bound').length }
}

type ExchangeEvent = Extract<SessionEvent, { type: 'exchange.started' | 'exchange.completed' | 'exchange.aborted' }>

function count(counters: Counters, event: ExchangeEvent): Counters {
  if (event.type === 'exchange.started') {
    const returned = counters.returned + (event.who === 'returned' ? 1 : 0)
    const other = counters.other + (event.who === 'other' ? 1 : 0)
    return { ...counters, started: counters.started + 1, inFlight: counters.inFlight + 1, returned, other }
  }
  const failed = event.type === 'exchange.aborted' || (event.status ?? 0) >= 500
  return {
    ...counters,
    inFlight: Math.max(0, counters.inFlight - 1),
    requests: counters.requests + 1,
    errors: counters.errors + (failed ? 1 : 0),
    bytesIn: counters.bytesIn + event.bytesIn,
    bytesOut: counters.bytesOut + event.bytesOut
  }
}
