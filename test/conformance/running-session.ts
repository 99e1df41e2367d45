/** One interception with the real parts around it: a server of either kind, a sidecar with a pod's app, an app on the laptop, and every event. */
import { randomUUID } from 'node:crypto'
import { silent } from '../../src/base/log.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { SessionEvent } from '../../src/event/types.ts'
import { eventStream } from '../../src/event/stream.ts'
import { intercept } from '../../src/session/intercept.ts'
import type { Cluster } from '../../src/kube/types.ts'
import type { TunnelPlan } from '../../src/resolve/types.ts'
import type { Intercept, InterceptSettings } from '../../src/session/options.ts'
import { type App, startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { serverPlan, sidecarPod, tunnelPlan } from '../harness/plans.ts'
import { type ServerKind, startTestConnector, startTestServer, type TestServer, WS_PATH } from './peers.ts'

export const HOST = 'nginx.local'

export interface RunningSession extends AsyncDisposable {
  readonly session: Intercept
  readonly plan: TunnelPlan
  readonly server: TestServer
  readonly pod: App
  readonly laptop: App
  readonly events: readonly SessionEvent[]
  state(...wanted: string[]): Promise<void>
}

/** A session that is not started: by URL to a server on loopback, with every event kept. */
export function sessionOf(
  plan: TunnelPlan,
  {
    tunnelPort,
    entrypointPort,
    appPort,
    user = 'ada@laptop',
    cluster
  }: { tunnelPort: number; entrypointPort: number; appPort: number; user?: string; cluster?: Cluster },
  settings: Partial<InterceptSettings> = {}
): { session: Intercept; events: SessionEvent[] } {
  const events: SessionEvent[] = []
  const stream = eventStream('test', systemClock)
  stream.subscribe(event => events.push(event))
  let count = 0
  const session = intercept({
    plan,
    local: { host: '127.0.0.1', port: appPort },
    settings: {
      weight: 255,
      split: undefined,
      filter: undefined,
      mayThin: false,
      mirror: undefined,
      via: { kind: 'url', url: new URL(`ws://127.0.0.1:${tunnelPort}${WS_PATH}`) },
      entrypoint: new URL(`http://127.0.0.1:${entrypointPort}`),
      fallback: true,
      returnLimit: 200,
      onPause: 'wait',
      wait: true,
      graceMs: 5_000,
      requireAll: false,
      probePath: '/',
      manner: 'refuse',
      ...settings
    },
    cluster,
    clock: systemClock,
    log: silent,
    emit: stream.emit,
    random: () => randomUUID().replaceAll('-', ''),
    user,
    session: randomUUID(),
    pid: process.pid,
    nextId: () => String((count += 1))
  })
  return { session, events }
}

/** `start: false`: made, and not started. */
export async function runningSession(
  kind: ServerKind,
  settings: Partial<InterceptSettings> = {},
  { start = true }: { start?: boolean } = {}
): Promise<RunningSession> {
  const tunnelId = randomUUID()
  const server = await startTestServer(kind, { carrier: 'ws', hosts: [[HOST, tunnelId]] })
  const pod = await startApp({ name: 'pod' })
  const laptop = await startApp({ name: 'laptop' })
  const sidecar = await startTestConnector('sidecar', { carrier: 'ws', tunnelPort: server.tunnelPort, tunnelId, appPort: pod.port })
  const plan = tunnelPlan({
    tunnelId,
    hosts: [HOST],
    sidecars: [sidecarPod('nginx-1')],
    server: serverPlan({ pods: [], peer: kind === 'ours' ? 'ours' : 'gost' }),
    ingresses: []
  })
  const ports = { tunnelPort: server.tunnelPort, entrypointPort: server.entrypointPort, appPort: laptop.port }
  const { session, events } = sessionOf(plan, ports, settings)
  const running: RunningSession = {
    session,
    plan,
    server,
    pod,
    laptop,
    events,
    state: (...wanted) =>
      eventually(
        () => {
          if (!wanted.includes(session.state)) throw new Error(`${session.state}, not ${wanted.join(' or ')}`)
        },
        { timeoutMs: 10_000 }
      ),
    async [Symbol.asyncDispose]() {
      await session.close()
      await sidecar.stop()
      await server.stop()
      await pod.close()
      await laptop.close()
    }
  }
  if (start) await session.start(new AbortController().signal)
  return running
}
