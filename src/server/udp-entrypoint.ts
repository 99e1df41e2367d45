/**
 * A UDP entrypoint of one tunnel: every source address has a stream of its own to a UDP connector, for as long as datagrams pass. A stream that ends
 * (stock gost 3.2.6 ends it after its first answer) is opened again by the next datagram. Bounded in sources and in bytes that wait; what is too
 * much is dropped, as any network may.
 */
import type { Datagrams } from '../base/datagrams.ts'
import { type Closable, closeOnce } from '../base/closable.ts'
import { type Endpoint, formatEndpoint } from '../base/connection.ts'
import { listenUdp } from '../transport/udp.ts'
import { countRefusal, type ServerContext } from './context.ts'
import { datagramStream } from './datagram-stream.ts'
import { openStream } from './open-stream.ts'

export interface UdpEntrypointOptions extends Endpoint {
  tunnelId: string
}

export interface UdpEntrypoint extends Closable {
  readonly port: number
  /** Sources with a stream now. */
  readonly sources: number
}

interface Source {
  stream: Datagrams
  activeAt: number
}

/** Rejects with Node's error when the address cannot be listened on. */
export async function openUdpEntrypoint({ tunnelId, ...at }: UdpEntrypointOptions, context: ServerContext): Promise<UdpEntrypoint> {
  const { clock, limits, registry } = context
  const sources = new Map<string, Source>()
  const open = (from: Endpoint, key: string): Source | undefined => {
    if (sources.size >= limits.udpSources) {
      countRefusal(context, 'too-many-sources')
      return undefined
    }
    // A TCP connector would hand the framing to its app.
    const able = registry.connectors(tunnelId).some(({ network }) => network === 'udp')
    const to = { host: at.host === '' ? '0.0.0.0' : at.host, port: port.port }
    const source = { host: from.host.replace(/^::ffff:/, ''), port: from.port }
    const stream = able ? openStream(context, tunnelId, { open: { source, destination: to }, network: 'udp' }) : undefined
    if (stream === undefined) {
      countRefusal(context, 'no-connector')
      return undefined
    }
    const opened: Source = { stream: datagramStream(stream.connection, limits.udpQueueBytes), activeAt: clock.now() }
    opened.stream.onDatagram = datagram => {
      opened.activeAt = clock.now()
      port.send(datagram, from)
    }
    void opened.stream.closed.then(() => {
      if (sources.get(key) === opened) sources.delete(key)
    })
    sources.set(key, opened)
    return opened
  }
  const port = await listenUdp(at, (datagram, from) => {
    const key = formatEndpoint(from)
    const source = sources.get(key) ?? open(from, key)
    if (source === undefined) return
    source.activeAt = clock.now()
    source.stream.send(datagram)
  })
  const sweep = clock.every(
    limits.udpIdleMs / 4,
    () => {
      const oldest = clock.now() - limits.udpIdleMs
      for (const { stream, activeAt } of sources.values()) if (activeAt < oldest) void stream.close()
    },
    { unref: true }
  )
  return {
    port: port.port,
    get sources() {
      return sources.size
    },
    close: closeOnce(async () => {
      sweep.cancel()
      await Promise.all([port.close(), ...[...sources.values()].map(({ stream }) => stream.close())])
    })
  }
}
