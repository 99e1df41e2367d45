/**
 * Which session with an app carries a call. Calls over one connector to one host share sessions, as many as the app's limit of calls at a time makes
 * necessary; one that nobody needs is closed after a while. A laptop gets a stream for each call: it decides and shows each by itself, and may
 * fall asleep with what was sent to it.
 */
import type { Timer } from '../base/clock.ts'
import { formatEndpoint } from '../base/connection.ts'
import type { ServerContext } from './context.ts'
import { AppSession, type Unready } from './grpc-app.ts'
import type { Connector, StreamOpen } from './registry.ts'

type Context = Pick<ServerContext, 'limits' | 'clock' | 'log'>

/** One call's place in a session. */
export interface AppPlace {
  session: AppSession
  release: () => void
}

/** Of one connector, whatever hosts strangers ask for. */
const IDLE_SESSIONS = 16
/** A session may turn out to be full or retired when it is there. */
const ROUNDS = 8

export class GrpcApps {
  readonly #context: Context
  readonly #byConnector = new WeakMap<Connector, ConnectorApps>()

  constructor(context: Context) {
    this.#context = context
  }

  /** `hasOther`: somebody else could take the call while this connector does not answer. Throws when the connector can take no stream. */
  take(connector: Connector, open: StreamOpen, hasOther: () => boolean): Promise<AppPlace | Unready> {
    let apps = this.#byConnector.get(connector)
    if (apps === undefined) {
      apps = new ConnectorApps(connector, this.#context)
      this.#byConnector.set(connector, apps)
    }
    return apps.take(open, hasOther)
  }

  /** That connector asks for no more: it need not wait for what is idle. */
  drain(connector: Connector): void {
    this.#byConnector.get(connector)?.retire()
  }
}

/** Sessions with one host. */
interface Lane {
  host: string
  sessions: Set<AppSession>
  /** Calls at a time, as the app said last. */
  expected: number
}

class ConnectorApps {
  readonly #connector: Connector
  readonly #context: Context
  readonly #lanes = new Map<string, Lane>()
  /** In the order in which they became so. */
  readonly #idle = new Map<AppSession, Timer>()

  constructor(connector: Connector, context: Context) {
    this.#connector = connector
    this.#context = context
  }

  async take(open: StreamOpen, hasOther: () => boolean): Promise<AppPlace | Unready> {
    for (let round = 0; round < ROUNDS; round += 1) {
      const lane = this.#lane(formatEndpoint(open.destination))
      const session = withRoom(lane) ?? this.#open(lane, open)
      session.calls += 1
      this.#wake(session)
      const release = (): void => this.#release(session)
      const why = session.isReady
        ? undefined
        : await Promise.race([session.ready, session.unanswered.then(() => (hasOther() ? 'unanswered' : session.ready))])
      lane.expected = session.places
      if (why === undefined && !session.retired && session.calls <= session.places) return { session, release }
      release()
      if (why !== undefined) return why
    }
    return 'app-closed'
  }

  retire(): void {
    for (const { sessions } of this.#lanes.values()) for (const session of sessions) session.retire()
  }

  get #isShared(): boolean {
    return this.#connector.hello?.kind !== 'agent'
  }

  #lane(host: string): Lane {
    return this.#lanes.get(host) ?? { host, sessions: new Set(), expected: Infinity }
  }

  #open(lane: Lane, open: StreamOpen): AppSession {
    const stream = this.#connector.open(open)
    const most = this.#isShared ? this.#context.limits.http2Streams : 1
    const onClose = (closed: AppSession): void => this.#remove(lane, closed)
    const session = new AppSession({ stream, context: this.#context, most, expected: lane.expected, onClose })
    lane.sessions.add(session)
    this.#lanes.set(lane.host, lane)
    return session
  }

  #release(session: AppSession): void {
    session.calls -= 1
    if (session.calls > 0) return
    if (!session.isReady || session.retired || !this.#isShared || this.#connector.condition === 'draining') {
      session.close()
      return
    }
    const { limits, clock } = this.#context
    this.#idle.set(
      session,
      clock.after(limits.appIdleMs, () => session.close(), { unref: true })
    )
    if (this.#idle.size > IDLE_SESSIONS) this.#idle.keys().next().value?.close()
  }

  #wake(session: AppSession): void {
    this.#idle.get(session)?.cancel()
    this.#idle.delete(session)
  }

  #remove(lane: Lane, session: AppSession): void {
    this.#wake(session)
    lane.sessions.delete(session)
    if (lane.sessions.size === 0) this.#lanes.delete(lane.host)
  }
}

function withRoom({ sessions }: Lane): AppSession | undefined {
  for (const session of sessions) if (!session.retired && session.calls < session.places) return session
  return undefined
}
