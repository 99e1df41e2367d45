/**
 * Who is registered for which tunnel. An interface from the first day: a sharded server answers `connectors` with members of other shards too, whose
 * `open` makes an internal hop. The in-memory one serves one process.
 */
import type { Connection, Endpoint } from '../base/connection.ts'
import type { BareStream } from '../smux/types.ts'
import type { Hello } from '../tunnel/control-channel.ts'
import type { Choosable } from './choice.ts'
import type { Tally } from './tally.ts'

export interface StreamOpen {
  /** The visitor: always an IP literal (a stock connector resolves anything else in its accept loop). */
  source: Endpoint
  /** Host and port the visitor asked for; at most 255 bytes of name. */
  destination: Endpoint
  /** The open message, once it was encoded: a visitor asks for the same again and again. */
  encoded?: Buffer
}

export interface Connector extends Choosable {
  readonly id: string
  readonly tunnelId: string
  readonly peer: 'gost' | 'ours'
  /** What one of ours said of itself. */
  readonly hello: Hello | undefined
  /** Streams open now. */
  readonly active: number
  readonly tally?: Tally
  readonly health?: ConnectorHealth
  /** Opens a stream with its open message already written. Throws when the connector cannot take one. */
  open(open: StreamOpen): TunnelStream
}

export interface ConnectorHealth {
  /** Since the last byte from it. */
  silentMs: number
  /** Streams with data that wait for room at the peer. */
  starvedStreams: number
  /** Waiting to be sent. */
  queuedBytes: number
}

/** A stream to a connector. Destroy it when the exchange is over: that is its FIN. */
export interface TunnelStream {
  readonly connector: Connector
  readonly bare: BareStream
  /** `bare` as a Duplex, made when it is asked for. */
  readonly connection: Connection
  /** True once the connector showed that it has the stream: a window update or a byte. */
  readonly answered: boolean
  /** The connector said that no app got the request: it may be repeated whatever its method. */
  readonly declined: boolean
  /** Calls once when the connector left the stream unanswered for too long, or fell silent altogether (then bytes may have come before). */
  onUnanswered(listener: () => void): void
}

export interface Registry {
  /** False when the tunnel (or the number of tunnels) is full; `add` does not look again. */
  hasRoom(tunnelId: string): boolean
  add(connector: Connector): void
  remove(connector: Connector): void
  /** In the order of their binding. */
  connectors(tunnelId: string): readonly Connector[]
  all(): Iterable<Connector>
}

export interface RegistryLimits {
  connectorsPerTunnel: number
  tunnels: number
}

export class MemoryRegistry implements Registry {
  readonly #byTunnel = new Map<string, Connector[]>()
  readonly #limits: RegistryLimits

  constructor(limits: RegistryLimits) {
    this.#limits = limits
  }

  hasRoom(tunnelId: string): boolean {
    const present = this.#byTunnel.get(tunnelId)
    return present === undefined ? this.#byTunnel.size < this.#limits.tunnels : present.length < this.#limits.connectorsPerTunnel
  }

  add(connector: Connector): void {
    const present = this.#byTunnel.get(connector.tunnelId)
    if (present === undefined) this.#byTunnel.set(connector.tunnelId, [connector])
    else if (!present.includes(connector)) present.push(connector)
  }

  remove(connector: Connector): void {
    const present = this.#byTunnel.get(connector.tunnelId)
    const at = present?.indexOf(connector) ?? -1
    if (present === undefined || at < 0) return
    present.splice(at, 1)
    if (present.length === 0) this.#byTunnel.delete(connector.tunnelId)
  }

  connectors(tunnelId: string): readonly Connector[] {
    return this.#byTunnel.get(tunnelId) ?? []
  }

  *all(): Iterable<Connector> {
    for (const present of this.#byTunnel.values()) yield* present
  }
}
