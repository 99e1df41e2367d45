/**
 * Everything a session says, as one versioned union: the TUI, plain and JSON outputs, recordings and the control socket render this stream
 * and nothing else. Consumers ignore types and fields they do not know. Secrets never get in: tunnel ids are short, header values masked.
 */

export const STATES = [
  'resolving',
  'waiting',
  'connecting',
  'registered',
  'verified',
  'partial',
  'returning',
  'paused',
  'held',
  'reconnecting',
  'draining',
  'ended',
  'failed'
] as const
/** The states of a target, verbatim on every screen. */
export type TargetState = (typeof STATES)[number]

export type ConnectorState = 'connecting' | 'bound' | 'lost' | 'withdrawn' | 'closed'
/** Who serves the visitors now, as far as it can be known. */
export type Serving = 'laptop' | 'shared' | 'cluster' | 'nobody' | 'unknown'
/** Who answered an exchange. `other`: another laptop. `mirror`: the local app, and nobody but this screen got the answer. */
export type Who = 'laptop' | 'returned' | 'other' | 'cluster' | 'replay' | 'mirror'
export type RouteKind = 'ingress' | 'port-forward' | 'service-proxy' | 'url'
export type EndReason = 'done' | 'signal' | 'takeover' | 'child' | 'error'
export type Header = readonly [name: string, value: string]

export interface ErrorShape {
  code: string
  message: string
  hint?: string
  details?: Readonly<Record<string, unknown>>
}

/** What was served, for the last screen and the `session.ended` event. */
export interface Summary {
  requests: number
  errors: number
  returned: number
  /** Passed on to other laptops; absent for none. */
  other?: number
  /** Milliseconds; absent without requests. */
  p50?: number
  p95?: number
  bytesIn: number
  bytesOut: number
  durationMs: number
  /** With `--mirror`: copies whose answers were compared, and those that could not be. */
  mirror?: { compared: number; different: number; dropped: number }
}

interface Bodies {
  'session.started': {
    pid: number
    user: string
    version: string
    command: string
    /** What it does where it intercepts nothing: `access`, or the files of `env --mount`. */
    kind?: 'access' | 'mount'
    targets: string[]
    /** Which cluster, by its API server; absent without one. */
    cluster?: { context: string; server: string }
    controlPath?: string
  }
  'session.ended': { reason: EndReason; exitCode: number; summary: Summary; recording?: string }
  'plan.resolved': {
    workload: string
    /** Absent without a cluster. */
    namespace?: string
    pods: string[]
    sidecars: { pod: string; weight: number }[]
    /** Who else registers was not read: an empty list says nothing. */
    sidecarsUnknown?: boolean
    server: { service: string; pods: string[]; stock: boolean }
    entrypoint: string
    hosts: string[]
    /** Shortened. */
    tunnel: string
    appPort: string
    local: string
    notes: string[]
  }
  'route.tried': { kind: RouteKind; ok: boolean; address: string; ms: number; code?: string; reason?: string }
  'route.chosen': { kind: RouteKind; describe: string; covers: 'all' | 'some'; replicas: number; total: number }
  'target.state': { from: TargetState; to: TargetState; cause: string; serving: Serving; detail?: string }
  'connector.state': {
    replica: string
    from: ConnectorState
    to: ConnectorState
    attempt: number
    nextTryMs?: number
    rttMs?: number
    peer?: 'gost' | 'ours'
    cause: string
  }
  'intercept.changed': {
    weight: number
    /** 0…1; absent where it is not known. */
    share?: number
    /** `unknown`: who else registers was not read. `computed` from whole weights or `measured`; thinned when the laptop sends a part back. */
    shareSource: 'computed' | 'measured' | 'unknown'
    /** 0…1: the part of arriving requests that stays here; 1 = no thinning. */
    thinning: number
    filter?: string
    mirror?: boolean
    by: 'user' | 'control' | 'auto' | 'takeover'
  }
  probe: {
    purpose: 'verify' | 'end' | 'doctor'
    proof: 'arrival' | 'path' | 'serving'
    attempt: number
    of: number
    ok: boolean
    answeredBy?: string
    status?: number
    ms: number
    hop?: string
    code?: string
  }
  'local.state': { address: string; up: boolean; cause: string }
  'return.state': { pod: string; ok: boolean; openMs?: number; pooled: number; cause: string }
  claim: {
    /** `beside`: another session is there too. */
    action: 'acquired' | 'refused' | 'taken' | 'released' | 'expired' | 'beside' | 'unavailable'
    holder?: string
    since?: string
    weight?: number
    filter?: string
  }
  'exchange.started': {
    id: string
    kind: 'request' | 'connection' | 'datagrams' | 'replay' | 'mirror'
    protocol: string
    who: Who
    source: string
    of?: string
    /** Whose laptop, where it is another one. */
    answeredBy?: string
    why?: 'filter' | 'mirror' | 'thinned' | 'local-down' | 'local-paused' | 'held'
  }
  'exchange.request': {
    id: string
    method: string
    host: string
    path: string
    httpVersion: string
    headers: readonly Header[]
    masked: string[]
  }
  'exchange.response': { id: string; status: number; headers: readonly Header[]; connectMs?: number; ttfbMs: number }
  'exchange.message': {
    id: string
    direction: 'in' | 'out'
    kind: 'ws' | 'sse' | 'grpc'
    bytes: number
    preview?: string
    /** How many messages this one stands for; absent for one. */
    count?: number
  }
  'exchange.completed': {
    id: string
    status?: number
    /** From the visitor. */
    bytesIn: number
    /** To the visitor. */
    bytesOut: number
    timings: { totalMs: number; connectMs?: number; ttfbMs?: number }
    truncated?: boolean
    unparsed?: boolean
  }
  'exchange.aborted': {
    id: string
    by: 'visitor' | 'local' | 'server' | 'agent' | 'limit'
    code: string
    ms: number
    bytesIn: number
    bytesOut: number
  }
  'exchange.compared': {
    id: string
    of: string
    kind: 'mirror' | 'replay'
    equal: boolean
    status?: string
    headers: string[]
    body?: string
  }
  /** Copies that were not compared, since the last such event: `slow` for this laptop, `large`, no app (`down`), no answer (`unanswered`). */
  'mirror.dropped': { slow: number; large: number; down: number; unanswered: number }
  stats: {
    rps: number
    inFlight: number
    errors: number
    p50?: number
    p95?: number
    bytesIn: number
    bytesOut: number
    /** Parts of the exchanges of the last second, 0…1. */
    share: { laptop: number; returned: number; other?: number }
    rss: number
    loopLagP99: number
  }
  'drain.progress': { inFlight: number; remainingMs: number }
  'child.state': { pid: number; state: string; status?: number; signal?: string }
  'mount.changed': { path: string; source: string; version: string }
  'access.connection': { id: string; name: string; pod: string; state: string; cause: string }
  command: { id: string; by: 'tui' | 'control' | 'mcp' | 'signal'; name: string; args: Readonly<Record<string, unknown>> }
  'command.result': { id: string; ok: boolean; error?: ErrorShape }
  finding: {
    id: string
    title: string
    status: 'ok' | 'warn' | 'fail' | 'skipped'
    message: string
    hint?: string
    fix?: string
    ms: number
  }
  notice: { level: 'info' | 'warn'; code: string; message: string; hint?: string }
  error: ErrorShape & { fatal: boolean }
  dropped: { count: number; fromSeq: number; toSeq: number }
}

export type EventType = keyof Bodies
export type EventBody<T extends EventType> = Bodies[T]

export interface Envelope {
  v: 1
  /** Counts from 1 without gaps. */
  seq: number
  /** RFC 3339 with milliseconds. */
  at: string
  session: string
  /** The target's display name, where the event is about one. */
  target?: string
  connector?: string
}

/** One event: envelope and body, told apart by `type`. */
export type SessionEvent = { [T in EventType]: Envelope & { type: T } & Bodies[T] }[EventType]

/** What an emitter adds beside the body. */
export interface About {
  target?: string
  connector?: string
}

/** How the parts of a session speak: fire and forget, never throws. */
export type Emit = <T extends EventType>(type: T, body: EventBody<T>, about?: About) => void
