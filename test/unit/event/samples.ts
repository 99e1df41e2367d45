/** One event of every type, as a session would say it: for the schema, the documentation and the renderers. */
import type { Envelope, EventBody, EventType, SessionEvent } from '../../../src/event/types.ts'

const BODIES: { [T in EventType]: EventBody<T> } = {
  'session.started': {
    pid: 4242,
    user: 'ada@laptop',
    version: '0.1.0',
    command: 'kubectl intercept svc/nginx --port 8080',
    targets: ['nginx'],
    cluster: { context: 'dev', server: 'https://203.0.113.1:6443' },
    controlPath: '/run/user/1000/kubectl-intercept/4242.sock'
  },
  'session.ended': {
    reason: 'signal',
    exitCode: 0,
    summary: { requests: 1204, errors: 3, returned: 12, p50: 4.2, p95: 21, bytesIn: 120_000, bytesOut: 9_400_000, durationMs: 754_000 }
  },
  'plan.resolved': {
    workload: 'deployment/nginx',
    namespace: 'shop',
    pods: ['nginx-7d9c-x2x'],
    sidecars: [{ pod: 'nginx-7d9c-x2x', weight: 1 }],
    server: { service: 'proxy', pods: ['proxy-5f6b-k8k'], stock: true },
    entrypoint: 'nginx.local (ingress nginx)',
    hosts: ['nginx.local'],
    tunnel: '10bc451e…',
    appPort: '80',
    local: 'localhost:8080',
    notes: ['no Service nginx: using deployment/nginx']
  },
  'route.tried': { kind: 'ingress', ok: false, address: '203.0.113.7:80', ms: 12, code: 'ROUTE_UNAVAILABLE', reason: 'answered 404' },
  'route.chosen': { kind: 'port-forward', describe: 'port-forward to pod proxy-5f6b-k8k', covers: 'all', replicas: 1, total: 1 },
  'target.state': { from: 'registered', to: 'verified', cause: 'both proofs arrived', serving: 'laptop', detail: '38 ms' },
  'connector.state': { replica: 'proxy-5f6b-k8k', from: 'connecting', to: 'bound', attempt: 1, rttMs: 4, peer: 'gost', cause: 'bound' },
  'intercept.changed': { weight: 255, share: 1, shareSource: 'computed', thinning: 1, by: 'user' },
  probe: { purpose: 'verify', proof: 'arrival', attempt: 1, of: 50, ok: true, answeredBy: 'laptop', ms: 6 },
  'local.state': { address: 'localhost:8080', up: true, cause: 'connected' },
  'return.state': { pod: 'nginx-7d9c-x2x', ok: true, openMs: 9, pooled: 1, cause: 'opened' },
  claim: { action: 'acquired', holder: 'ada@laptop', since: '2026-03-01T12:04:30.000Z', weight: 255 },
  'exchange.started': { id: '118', kind: 'request', protocol: 'http/1.1', who: 'laptop', source: '203.0.113.9' },
  'exchange.request': {
    id: '118',
    method: 'POST',
    host: 'nginx.local',
    path: '/api/checkout',
    httpVersion: '1.1',
    headers: [
      ['Host', 'nginx.local'],
      ['Authorization', '••••••']
    ],
    masked: ['Authorization']
  },
  'exchange.response': { id: '118', status: 500, headers: [['Content-Type', 'application/json']], connectMs: 0.4, ttfbMs: 20.1 },
  'exchange.message': { id: '119', direction: 'out', kind: 'ws', bytes: 42, preview: 'tick 31' },
  'exchange.completed': { id: '118', status: 500, bytesIn: 412, bytesOut: 318, timings: { totalMs: 21, connectMs: 0.4, ttfbMs: 20.1 } },
  'exchange.aborted': { id: '120', by: 'visitor', code: 'RESET', ms: 8, bytesIn: 120, bytesOut: 0 },
  'exchange.compared': {
    id: '121',
    of: '118',
    kind: 'replay',
    equal: false,
    status: '500 → 201',
    headers: ['x-request-id'],
    body: '2 lines differ'
  },
  'mirror.dropped': { slow: 3, large: 1, down: 0, unanswered: 2 },
  stats: {
    rps: 42,
    inFlight: 3,
    errors: 0,
    p50: 4,
    p95: 21,
    bytesIn: 12_000,
    bytesOut: 88_000,
    share: { laptop: 0.98, returned: 0.02 },
    rss: 61_000_000,
    loopLagP99: 1.2
  },
  'drain.progress': { inFlight: 3, remainingMs: 9_000 },
  'child.state': { pid: 4300, state: 'ended', status: 0 },
  'mount.changed': { path: './config/app.yaml', source: 'configmap/app', version: '8123' },
  'access.connection': { id: '7', name: 'redis', pod: 'redis-0', state: 'open', cause: 'dialled' },
  command: { id: 'c1', by: 'control', name: 'leave', args: { targets: ['nginx'] } },
  'command.result': { id: 'c1', ok: false, error: { code: 'TARGET_NOT_FOUND', message: 'this session has no target cart' } },
  finding: { id: 'lease', title: 'Leases', status: 'warn', message: 'not allowed', hint: 'kubectl auth can-i create leases', ms: 14 },
  notice: { level: 'warn', code: 'STOCK_SERVER', message: 'the server is gost', hint: 'docs/routes.md' },
  error: { code: 'TUNNEL_LOST', message: 'the tunnel server closed the connection', hint: 'kubectl intercept list -o wide', fatal: true },
  dropped: { count: 5_001, fromSeq: 10_001, toSeq: 15_001 }
}

/** About a target: what a consumer tells several apart by. */
const ABOUT_TARGET: readonly EventType[] = [
  'plan.resolved',
  'route.tried',
  'route.chosen',
  'target.state',
  'connector.state',
  'intercept.changed'
]
const ALSO_ABOUT_TARGET: readonly EventType[] = ['probe', 'local.state', 'return.state', 'claim', 'exchange.started', 'exchange.request']

/** A body to change. */
export const bodyOf = <T extends EventType>(type: T): EventBody<T> => BODIES[type]

/** An event with a whole envelope. */
export function eventOf<T extends EventType>(type: T, body: EventBody<T>, envelope: Partial<Envelope> = {}): SessionEvent {
  const whole = { v: 1, seq: 1, at: '2026-03-01T12:04:31.123Z', session: '4242-k3v9', ...envelope }
  return { ...whole, type, ...body } as unknown as SessionEvent
}

export const SAMPLES: readonly SessionEvent[] = Object.entries(BODIES).map(([type, body], index) => {
  const about = [...ABOUT_TARGET, ...ALSO_ABOUT_TARGET].includes(type as EventType) ? { target: 'nginx' } : {}
  return eventOf(type as EventType, body, { seq: index + 1, ...about })
})

export const sampleOf = (type: EventType): SessionEvent => {
  const found = SAMPLES.find(event => event.type === type)
  if (found === undefined) throw new Error(`no sample of ${type}`)
  return found
}
