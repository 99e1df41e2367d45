/** Our own sidecar: a connector that splices every stream with the app beside it. Drop-in for gost's `-L rtcp://:0/:80 -F tunnel+…`. */
import { type Clock, deadline, systemClock, type Timer } from '../base/clock.ts'
import type { Closable } from '../base/closable.ts'
import type { Connection, Dial, Endpoint } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import { type Logger, silent } from '../base/log.ts'
import { splice } from '../transport/splice.ts'
import { dialTcp } from '../transport/tcp.ts'
import { type Connector, type ConnectorOptions, startConnector } from '../tunnel/connector.ts'
import type { TunnelStream } from '../tunnel/stream.ts'

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
  /** To connect to the app. */
  dialTimeoutMs?: number
  clock?: Clock
  log?: Logger
  connector?: Partial<Omit<ConnectorOptions, 'dial' | 'bind' | 'clock' | 'log' | 'onStream'>>
}

export interface Sidecar extends Closable {
  /** First bound; rejects when the first attempt fails. */
  readonly ready: Promise<void>
  readonly connector: Connector
  /** Streams taken so far. */
  readonly streams: number
  /** Sends no request away: asks for no more, finishes what runs (until `signal`), closes. */
  stop(signal: AbortSignal): Promise<void>
}

const DIAL_TIMEOUT_MS = 15_000
/** What an app gets to notice that the server ended the stream: nothing it still writes would arrive. */
const LEFT_MS = 1_000

export function startSidecar(options: SidecarOptions): Sidecar {
  const { clock = systemClock, target } = options
  const log = (options.log ?? silent).child('sidecar')
  const dialApp = dialTcp({ host: target.host === '' ? 'localhost' : target.host, port: target.port })
  let streams = 0
  const serve = async ({ connection }: TunnelStream): Promise<void> => {
    const limit = deadline(clock, options.dialTimeoutMs ?? DIAL_TIMEOUT_MS, () => new Error('the app did not accept in time'))
    try {
      const app = await dialApp(limit.signal)
      limit.done()
      await spliceWithApp(connection, app, clock)
    } catch (error) {
      log.info('app not reached', { error: asError(error) })
      connection.destroy()
    } finally {
      limit.done()
    }
  }
  const connector = startConnector({
    ...options.connector,
    dial: options.dial,
    bind: { tunnelId: options.tunnelId, weight: options.weight, auth: options.auth },
    clock,
    log,
    onStream: stream => {
      streams += 1
      void serve(stream)
    }
  })
  return {
    ready: connector.ready,
    connector,
    get streams() {
      return streams
    },
    async stop(signal) {
      await connector.withdraw(signal)
      await connector.close()
    },
    close: () => connector.close()
  }
}

async function spliceWithApp(stream: Connection, app: Connection, clock: Clock): Promise<void> {
  const left = new AbortController()
  let timer: Timer | undefined
  const onEnd = (direction: 'in' | 'out'): void => {
    if (direction === 'out') timer = clock.after(LEFT_MS, () => left.abort(), { unref: true })
  }
  await splice(stream, app, { onEnd, signal: left.signal })
  timer?.cancel()
}
