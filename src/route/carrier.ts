/** From a raw connection to the tunnel port to the stream that the bind goes over: TLS and WebSocket as the server's listener wants them. */
import type { Dial } from '../base/connection.ts'
import type { ServerPlan } from '../resolve/types.ts'
import { dialTls } from '../transport/tls.ts'
import { dialWebSocket } from '../transport/websocket.ts'

export interface CarrierOptions {
  /** Host header of the upgrade, where the way needs one (an Ingress host). */
  host?: string
  /** TLS to an Ingress in front of a plain `ws` server. */
  edgeTls?: { serverName: string }
}

/** Wraps `raw` by the server's carrier (`ws`, `wss`, `tls`, `tcp`). */
export function overCarrier(
  raw: Dial,
  server: Pick<ServerPlan, 'carrier' | 'path' | 'hostHeader' | 'tls'>,
  options: CarrierOptions = {}
): Dial {
  const upgrade = (dial: Dial): Dial => dialWebSocket(dial, { path: server.path, ...hostOf(options.host ?? server.hostHeader) })
  const { tls } = server
  const secured = (dial: Dial): Dial =>
    dialTls(dial, {
      verify: tls?.secure ?? false,
      ...(tls?.serverName === undefined ? {} : { serverName: tls.serverName }),
      ...pem('ca', tls?.ca),
      ...pem('cert', tls?.cert),
      ...pem('key', tls?.key)
    })
  const edge = options.edgeTls
  const base = edge === undefined ? raw : dialTls(raw, { verify: true, serverName: edge.serverName })
  switch (server.carrier) {
    case 'ws':
      return upgrade(base)
    case 'wss':
      return upgrade(edge === undefined ? secured(base) : base)
    case 'tls':
      return secured(base)
    case 'tcp':
      return base
  }
}

const hostOf = (host: string | undefined): { host?: string } => (host === undefined ? {} : { host })

/** What could be read; a path that could not is left out, and the handshake tells. */
const pem = <K extends string>(name: K, text: string | undefined): Partial<Record<K, string>> =>
  text?.includes('-----BEGIN') === true ? ({ [name]: text } as Record<K, string>) : {}
