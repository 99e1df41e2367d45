/**
 * One registered connector: its smux session (we are the smux client, as a gost server is) and its control channel when it is one of ours. Opens
 * streams by the rules a stock client needs (dossier §3.2): SYN and a complete open message first, then the bytes.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import type { Logger } from '../base/log.ts'
import { streamOpen } from '../relay/addresses.ts'
import { encodeResponse } from '../relay/encode.ts'
import { openSession } from '../smux/session.ts'
import { StreamTable } from '../smux/stream-table.ts'
import type { SmuxSession, SmuxStream } from '../smux/types.ts'
import { CONTROL_STREAM_ID, type Hello, type Neighbour, type Objection } from '../tunnel/control-channel.ts'
import { AnswerWatch } from './answer-watch.ts'
import type { Grant } from './bind.ts'
import type { Condition, Network } from './choice.ts'
import { acceptControl, type ServerControl } from './control.ts'
import type { ServerLimits } from './limits.ts'
import { OpenedStream } from './opened-stream.ts'
import type { Personal } from './personal.ts'
import type { Connector, ConnectorHealth, StreamOpen, TunnelStream } from './registry.ts'
import type { Tally } from './tally.ts'

/** What a connector of ours asks for is granted (undefined) or refused by the server as a whole. */
export interface ConnectorRules {
  greet(connector: BoundConnector, hello: Hello): Objection | undefined
  reweigh(connector: BoundConnector, weight: number): Objection | undefined
  refilter(connector: BoundConnector, filter: string): Objection | undefined
  /** It takes streams from now on. */
  serves(connector: BoundConnector): void
  /** It took streams, and is gone without a word. Called before its streams end. */
  lost(connector: BoundConnector): void
  /** It takes no more streams; those that wait for more are not worth waiting for. */
  drains(connector: BoundConnector): void
  /** What leads visitors to its tunnel. */
  hosts(connector: BoundConnector): string[]
  /** Who takes the visitors once this one is gone. */
  neighbours(connector: BoundConnector): Neighbour[]
}

export interface BoundConnectorOptions {
  id: string
  tunnelId: string
  weight: number
  network: Network
  peer: 'gost' | 'ours'
  tally: Tally
  /** What its credentials allow. */
  grant: Grant
  /** Of this server, told to connectors of ours. */
  serverName: string
  rules: ConnectorRules
  limits: ServerLimits
  clock: Clock
  log: Logger
}

/** A stock connector stops reading its whole session at 4 MiB unread (smux MaxReceiveBuffer): uploads that an app does not read would freeze it. */
const STOCK_BUDGET_BYTES = 4_194_304

export class BoundConnector implements Connector {
  readonly id: string
  readonly tunnelId: string
  readonly network: Network
  readonly peer: 'gost' | 'ours'
  readonly closed: Promise<Error | undefined>
  readonly tally: Tally
  readonly grant: Grant
  weight: number
  /** What a connector of ours said of itself. */
  hello: Hello | undefined
  /** Its filter, once granted. */
  personal: Personal | undefined

  readonly #session: SmuxSession
  readonly #serverName: string
  readonly #rules: ConnectorRules
  readonly #limits: ServerLimits
  readonly #clock: Clock
  readonly #log: Logger
  #control: ServerControl | undefined
  readonly #open = new StreamTable<OpenedStream>()
  readonly #watch: AnswerWatch
  #ended = false
  #draining = false
  /** One of ours takes streams once it has said who it is: a filter comes with that. */
  #pending: Timer | undefined
  #down = false

  constructor(connection: Connection, options: BoundConnectorOptions) {
    const { limits, clock, peer } = options
    this.id = options.id
    this.tunnelId = options.tunnelId
    this.weight = options.weight
    this.network = options.network
    this.peer = peer
    this.tally = options.tally
    this.grant = options.grant
    this.#serverName = options.serverName
    this.#rules = options.rules
    this.#limits = limits
    this.#clock = clock
    this.#log = options.log
    if (peer === 'ours') this.#pending = clock.after(limits.helloMs, () => this.#introduced(), { unref: true })
    this.#session = openSession(connection, {
      role: 'client',
      clock,
      keepaliveIntervalMs: limits.keepaliveIntervalMs,
      keepaliveTimeoutMs: limits.keepaliveTimeoutMs,
      // A stock peer drops the app's answer at our FIN.
      finOnEnd: false,
      halfClose: peer === 'ours',
      onOver: error => this.#over(error),
      peerBudgetBytes: peer === 'gost' ? STOCK_BUDGET_BYTES : undefined,
      ...(peer === 'ours' ? { onStream: (stream: SmuxStream) => this.#accept(stream) } : {})
    })
    this.#watch = new AnswerWatch({
      session: this.#session,
      streams: this.#open,
      peer,
      limits,
      clock,
      log: options.log,
      about: { connector: options.id, tunnel: options.tunnelId }
    })
    this.closed = this.#session.closed
  }

  get active(): number {
    return this.#open.size
  }

  /** It asked for no more streams before it went. */
  get left(): boolean {
    return this.#draining
  }

  get condition(): Condition {
    if (this.#ended) return 'closed'
    if (this.#draining) return 'draining'
    if (this.#pending !== undefined) return 'pending'
    if (this.hello?.mirror !== undefined) return 'mirror'
    return this.#down || this.#watch.suspect ? 'suspect' : 'live'
  }

  get health(): ConnectorHealth {
    const { lastReceivedAt, starvedStreams, queuedBytes } = this.#session
    return { silentMs: this.#clock.now() - lastReceivedAt, starvedStreams, queuedBytes }
  }

  open(open: StreamOpen): TunnelStream {
    if (this.#ended) throw new Error('the connector is closed')
    if (this.#open.size >= this.#limits.streamsPerConnector) throw new Error('the connector has too many streams')
    // Encoded before the stream exists: a failure must not leave an empty stream behind, whose FIN would reset a stock connector.
    open.encoded ??= encodeResponse(streamOpen(open))
    const stream = new OpenedStream(this, this.#session.openBare({ preface: open.encoded }), this.#clock.now())
    this.tally.streams += 1
    this.#open.add(stream)
    this.#watch.opened()
    stream.bare.onClosed = () => this.#open.delete(stream.id)
    return stream
  }

  close(): Promise<void> {
    return this.#session.close()
  }

  /** This server shuts down: a connector of ours is told to be bound elsewhere. */
  leaving(): void {
    this.#control?.leaving()
  }

  /** It has said who it is, or was given time enough for that. */
  #introduced(): void {
    this.#pending?.cancel()
    this.#pending = undefined
    this.#rules.serves(this)
  }

  #over(error: Error | undefined): void {
    const served = this.condition === 'live' || this.condition === 'suspect'
    this.#ended = true
    this.#pending?.cancel()
    this.#watch.stop()
    this.#control?.stop()
    if (served && error !== undefined) this.#rules.lost(this)
  }

  #accept(stream: SmuxStream): void {
    stream.on('error', () => {}) // `close` follows
    if (stream.id !== CONTROL_STREAM_ID || this.#control !== undefined) {
      stream.destroy() // as gost: a stream of a connector is a link check, and its end the answer
      return
    }
    const about = { connector: this.id, tunnel: this.tunnelId }
    const control = acceptControl(stream, {
      clock: this.#clock,
      beatMs: this.#limits.heartbeatMs / 3,
      welcome: () => ({ server: this.#serverName, hosts: this.#rules.hosts(this) }),
      onHello: hello => this.#greet(hello),
      onDrain: () => {
        this.#draining = true
        this.#rules.drains(this)
        this.#log.info('connector drains', { ...about, active: this.#open.size })
        return this.#rules.neighbours(this)
      },
      onWeight: weight => {
        const objection = this.#rules.reweigh(this, weight)
        if (objection !== undefined) return objection
        this.weight = weight
        this.#log.info('connector weight', { ...about, weight })
        return undefined
      },
      onFilter: filter => this.#rules.refilter(this, filter),
      onLate: () => this.#watch.resumed(),
      onMissed: () => (this.tally.missedBeats += 1),
      onDeclined: id => this.#open.get(id)?.decline(),
      onHealth: up => (this.#down = !up)
    })
    this.#control = control
    this.#watch.control = control
  }

  #greet(hello: Hello): Objection | undefined {
    if (this.hello !== undefined) return undefined
    this.hello = hello
    const objection = this.#rules.greet(this, hello)
    if (objection === undefined) {
      this.#introduced()
      return undefined
    }
    this.#pending?.cancel()
    this.#draining = true
    this.#log.info('connector refused', { connector: this.id, tunnel: this.tunnelId, why: objection.why })
    this.#clock.after(this.#limits.lingerMs, () => void this.close(), { unref: true })
    return objection
  }
}
