/** Our own sidecar: a connector that splices every stream with the app beside it. Drop-in for gost's `-L rtcp://:0/:80 -F tunnel+…`. */
import { backoff } from '../base/backoff.ts'
import { type Clock, sleep, systemClock } from '../base/clock.ts'
import { type Closable, closeOnce } from '../base/closable.ts'
import type { Dial, Endpoint } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import { type Logger, silent } from '../base/log.ts'
import { type LocalApp, localApp } from '../transport/local-app.ts'
import { type Connector, type ConnectorOptions, startConnector } from '../tunnel/connector.ts'
import type { Network } from './choice.ts'
import { type ServeApp, serveApp } from './serve-app.ts'
import { serveDatagrams } from './serve-datagrams.ts'

export interface SidecarOptions {
  /** Connects to the tunnel port of the server, its carrier included. */
  dial: Dial
  /** Dashed UUID: a bearer secret. */
  tunnelId: string
  /** 1…255. */
  weight: number
  /** The app; host '' is loopback. */
  target: Endpoint
  auth?: { user: string; password: string }
  /** `udp`: the app gets datagrams (gost's `rudp`). */
  network?: Network
  /** Told to a server of ours: the pod's name. */
  who?: string
  /** To connect to the app. */
  dialTimeoutMs?: number
  /** Whether connections to the app are used for several requests, where HTTP tells their ends (default true). */
  keepsApp?: boolean
  clock?: Clock
  log?: Logger
  connector?: Partial<Omit<ConnectorOptions, 'dial' | 'bind' | 'hello' | 'clock' | 'log' | 'onStream'>>
}

export interface Sidecar extends Closable {
  /** First bound. Never rejects before `close`: a server that is not there yet, or refuses, is asked again, as gost does it. */
  readonly ready: Promise<void>
  /** Registrations that hold now: one per replica of the server. */
  readonly bound: number
  /** Streams taken so far. */
  readonly streams: number
  /** Sends no request away: asks for no more, finishes what runs (until `signal`), closes. */
  stop(signal: AbortSignal): Promise<void>
}

const DIAL_TIMEOUT_MS = 15_000
/** Between attempts to bind for the first time. */
const RETRY = { minMs: 500, maxMs: 5_000 }

export const startSidecar = (options: SidecarOptions): Sidecar => new RunningSidecar(options)

class RunningSidecar implements Sidecar {
  readonly ready: Promise<void>
  readonly close: () => Promise<void>
  connector: Connector
  streams = 0
  readonly #options: SidecarOptions
  readonly #clock: Clock
  readonly #log: Logger
  readonly #app: LocalApp
  readonly #serving: ServeApp
  readonly #closed = new AbortController()
  #everBound = false

  constructor(options: SidecarOptions) {
    const { target, clock = systemClock, log = silent, dialTimeoutMs = DIAL_TIMEOUT_MS, keepsApp = true } = options
    this.#options = options
    this.#clock = clock
    this.#log = log.child('sidecar')
    this.#app = localApp({
      address: { host: target.host === '' ? 'localhost' : target.host, port: target.port },
      clock,
      onChange: up => this.connector.health(up)
    })
    this.#serving =
      options.network === 'udp'
        ? serveDatagrams({ target, clock, log: this.#log })
        : serveApp({
            app: this.#app,
            dialTimeoutMs,
            keepsApp,
            isStock: () => this.connector.peer === 'gost',
            clock,
            log: this.#log
          })
    this.connector = this.#connect()
    this.ready = this.#bind()
    this.ready.catch(() => {}) // whoever awaits it still sees that it was closed
    this.close = closeOnce(async () => {
      this.#closed.abort(new Error('the sidecar was closed'))
      await Promise.all([this.connector.close(), this.#app.close()])
      this.#serving.close()
    })
  }

  get bound(): number {
    return this.connector.phase === 'bound' ? 1 : 0
  }

  async stop(signal: AbortSignal): Promise<void> {
    await this.connector.withdraw(signal)
    await this.close()
  }

  async #bind(): Promise<void> {
    const delays = backoff(RETRY)
    for (;;) {
      try {
        await this.connector.ready
        return
      } catch (error) {
        this.#closed.signal.throwIfAborted()
        const nextTryMs = Math.round(delays.next())
        this.#log.warn('not registered yet', { error: asError(error), nextTryMs })
        await this.connector.close()
        await sleep(this.#clock, nextTryMs, this.#closed.signal)
        this.connector = this.#connect()
      }
    }
  }

  #connect(): Connector {
    const { connector, dial, tunnelId, weight, auth, who, network } = this.#options
    const started = startConnector({
      ...connector,
      dial,
      bind: { tunnelId, weight, auth, udp: network === 'udp' },
      hello: { kind: 'sidecar', ...(who !== undefined && { who }) },
      clock: this.#clock,
      log: this.#log,
      onChange: change => {
        if (change.to === 'bound' && this.#everBound) this.#log.info('registered again', { tunnel: tunnelId, weight })
        else if (change.to === 'lost' && change.from === 'bound')
          this.#log.info('registration lost', { tunnel: tunnelId, why: change.cause })
        this.#everBound ||= change.to === 'bound'
        connector?.onChange?.(change)
      },
      onStream: stream => {
        this.streams += 1
        this.#serving.serve(stream)
      }
    })
    started.health(this.#app.up)
    return started
  }
}
