/**
 * The events as a JSON Schema (draft 2020-12), one definition per type. The compiler holds this table and `types.ts` together: every field is here,
 * optional where it is optional there. Unknown types and fields stay valid: consumers ignore what they do not know.
 */
import { type EventBody, type EventType, STATES } from './types.ts'

type Schema = Readonly<Record<string, unknown>>
interface Must {
  readonly schema: Schema
  readonly optional: false
}
interface May {
  readonly schema: Schema
  readonly optional: true
}
type FieldOf<B, K extends keyof B> = object extends Pick<B, K> ? May : Must
type Fields<B> = { readonly [K in keyof B]-?: FieldOf<B, K> }

const must = (schema: Schema): Must => ({ schema, optional: false })
const may = ({ schema }: Must): May => ({ schema, optional: true })
const oneOf = (...values: readonly string[]): Must => must({ enum: values })
const listOf = ({ schema }: Must): Must => must({ type: 'array', items: schema })

const text = must({ type: 'string' })
const flag = must({ type: 'boolean' })
const number = must({ type: 'number', minimum: 0 })
const integer = must({ type: 'integer', minimum: 0 })
const status = must({ type: 'integer', minimum: 100, maximum: 599 })
const weight = must({ type: 'integer', minimum: 0, maximum: 255 })
const share = must({ type: 'number', minimum: 0, maximum: 1 })
const time = must({ type: 'string', format: 'date-time' })
const anyObject = must({ type: 'object' })

function objectOf(fields: Readonly<Record<string, Must | May>>): Must {
  const entries = Object.entries(fields)
  return must({
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, field]) => [name, field.schema])),
    required: entries.filter(([, field]) => !field.optional).map(([name]) => name)
  })
}

const connectorState = oneOf('connecting', 'bound', 'lost', 'withdrawn', 'closed')
const routeKind = oneOf('ingress', 'port-forward', 'service-proxy', 'url')
const targetState = oneOf(...STATES)
const headers = listOf(must({ type: 'array', prefixItems: [{ type: 'string' }, { type: 'string' }], items: false, minItems: 2 }))
const errorShape = { code: text, message: text, hint: may(text), details: may(anyObject) }
const summary = objectOf({
  requests: integer,
  errors: integer,
  returned: integer,
  other: may(integer),
  p50: may(number),
  p95: may(number),
  bytesIn: integer,
  bytesOut: integer,
  durationMs: number,
  mirror: may(objectOf({ compared: integer, different: integer, dropped: integer }))
})
const timings = objectOf({ totalMs: number, connectMs: may(number), ttfbMs: may(number) })

const BODIES: { readonly [T in EventType]: Fields<EventBody<T>> } = {
  'session.started': {
    pid: integer,
    user: text,
    version: text,
    command: text,
    kind: may(oneOf('access', 'mount')),
    targets: listOf(text),
    cluster: may(objectOf({ context: text, server: text })),
    controlPath: may(text)
  },
  'session.ended': {
    reason: oneOf('done', 'signal', 'takeover', 'child', 'error'),
    exitCode: integer,
    summary,
    recording: may(text)
  },
  'plan.resolved': {
    workload: text,
    namespace: may(text),
    pods: listOf(text),
    sidecars: listOf(objectOf({ pod: text, weight })),
    sidecarsUnknown: may(flag),
    server: objectOf({ service: text, pods: listOf(text), stock: flag }),
    entrypoint: text,
    hosts: listOf(text),
    tunnel: text,
    appPort: text,
    local: text,
    notes: listOf(text)
  },
  'route.tried': { kind: routeKind, ok: flag, address: text, ms: number, code: may(text), reason: may(text) },
  'route.chosen': { kind: routeKind, describe: text, covers: oneOf('all', 'some'), replicas: integer, total: integer },
  'target.state': {
    from: targetState,
    to: targetState,
    cause: text,
    serving: oneOf('laptop', 'shared', 'cluster', 'nobody', 'unknown'),
    detail: may(text)
  },
  'connector.state': {
    replica: text,
    from: connectorState,
    to: connectorState,
    attempt: integer,
    nextTryMs: may(number),
    rttMs: may(number),
    peer: may(oneOf('gost', 'ours')),
    cause: text
  },
  'intercept.changed': {
    weight,
    share: may(share),
    shareSource: oneOf('computed', 'measured', 'unknown'),
    thinning: share,
    filter: may(text),
    mirror: may(flag),
    by: oneOf('user', 'control', 'auto', 'takeover')
  },
  probe: {
    purpose: oneOf('verify', 'end', 'doctor'),
    proof: oneOf('arrival', 'path', 'serving'),
    attempt: integer,
    of: integer,
    ok: flag,
    answeredBy: may(text),
    status: may(status),
    ms: number,
    hop: may(text),
    code: may(text)
  },
  'local.state': { address: text, up: flag, cause: text },
  'return.state': { pod: text, ok: flag, openMs: may(number), pooled: integer, cause: text },
  claim: {
    action: oneOf('acquired', 'refused', 'taken', 'released', 'expired', 'beside', 'unavailable'),
    holder: may(text),
    since: may(time),
    weight: may(weight),
    filter: may(text)
  },
  'exchange.started': {
    id: text,
    kind: oneOf('request', 'connection', 'datagrams', 'replay', 'mirror'),
    protocol: text,
    who: oneOf('laptop', 'returned', 'other', 'cluster', 'replay', 'mirror'),
    source: text,
    of: may(text),
    answeredBy: may(text),
    why: may(oneOf('filter', 'mirror', 'thinned', 'local-down', 'local-paused', 'held'))
  },
  'exchange.request': { id: text, method: text, host: text, path: text, httpVersion: text, headers, masked: listOf(text) },
  'exchange.response': { id: text, status, headers, connectMs: may(number), ttfbMs: number },
  'exchange.message': {
    id: text,
    direction: oneOf('in', 'out'),
    kind: oneOf('ws', 'sse', 'grpc'),
    bytes: integer,
    preview: may(text),
    count: may(integer)
  },
  'exchange.completed': {
    id: text,
    status: may(status),
    bytesIn: integer,
    bytesOut: integer,
    timings,
    truncated: may(flag),
    unparsed: may(flag)
  },
  'exchange.aborted': {
    id: text,
    by: oneOf('visitor', 'local', 'server', 'agent', 'limit'),
    code: text,
    ms: number,
    bytesIn: integer,
    bytesOut: integer
  },
  'exchange.compared': {
    id: text,
    of: text,
    kind: oneOf('mirror', 'replay'),
    equal: flag,
    status: may(text),
    headers: listOf(text),
    body: may(text)
  },
  'mirror.dropped': { slow: integer, large: integer, down: integer, unanswered: integer },
  stats: {
    rps: number,
    inFlight: integer,
    errors: integer,
    p50: may(number),
    p95: may(number),
    bytesIn: integer,
    bytesOut: integer,
    share: objectOf({ laptop: share, returned: share, other: may(share) }),
    rss: integer,
    loopLagP99: number
  },
  'drain.progress': { inFlight: integer, remainingMs: number },
  'child.state': { pid: integer, state: text, status: may(integer), signal: may(text) },
  'mount.changed': { path: text, source: text, version: text },
  'access.connection': { id: text, name: text, pod: text, state: text, cause: text },
  command: { id: text, by: oneOf('tui', 'control', 'mcp', 'signal'), name: text, args: anyObject },
  'command.result': { id: text, ok: flag, error: may(objectOf(errorShape)) },
  finding: {
    id: text,
    title: text,
    status: oneOf('ok', 'warn', 'fail', 'skipped'),
    message: text,
    hint: may(text),
    fix: may(text),
    ms: number
  },
  notice: { level: oneOf('info', 'warn'), code: text, message: text, hint: may(text) },
  error: { ...errorShape, fatal: flag },
  dropped: { count: integer, fromSeq: integer, toSeq: integer }
}

const ENVELOPE = {
  v: must({ const: 1 }),
  seq: must({ type: 'integer', minimum: 1 }),
  at: time,
  session: text,
  target: may(text),
  connector: may(text)
}

export const EVENT_TYPES: readonly EventType[] = Object.keys(BODIES).filter((name): name is EventType => Object.hasOwn(BODIES, name))

/** Where one type's definition is in the schema: `#/$defs/session.started`. */
export const definitionOf = (type: EventType): string => `#/$defs/${type}`

export function eventSchema(): Schema {
  const definitions = EVENT_TYPES.map(type => [type, objectOf({ ...ENVELOPE, type: must({ const: type }), ...BODIES[type] }).schema])
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Events of kubectl intercept -o json, one per line',
    type: 'object',
    required: ['v', 'seq', 'at', 'session', 'type'],
    properties: { v: { const: 1 }, type: { type: 'string' } },
    anyOf: [...EVENT_TYPES.map(type => ({ $ref: definitionOf(type) })), { properties: { type: { not: { enum: EVENT_TYPES } } } }],
    $defs: Object.fromEntries(definitions)
  }
}
