/** The server side of a bind over memory, for connector tests: answers like gost (or like ours), then opens streams on demand. */
import type { Connection, Endpoint } from '../../src/base/connection.ts'
import { bindResponse, refusal, streamOpen } from '../../src/relay/addresses.ts'
import { CAPABILITY_VERSION, readCapability } from '../../src/relay/capability.ts'
import { RequestDecoder } from '../../src/relay/decode.ts'
import { encodeResponse } from '../../src/relay/encode.ts'
import { findTunnelId } from '../../src/relay/find.ts'
import { openSession } from '../../src/smux/session.ts'
import type { SmuxSession, SmuxStream } from '../../src/smux/types.ts'
import { memoryPair } from '../../src/transport/memory.ts'
import type { Clock } from '../../src/base/clock.ts'
import { encodeControl } from '../../src/tunnel/control-channel.ts'

export interface BoundPeer {
  session: SmuxSession
  connection: Connection
  weight: number
  /** Opens a visitor's stream with a complete open message. */
  open(destination?: Endpoint, source?: Endpoint): SmuxStream
}

export interface RelayPeer {
  dial: (signal: AbortSignal) => Promise<Connection>
  readonly bound: BoundPeer[]
  /** What the next binds get. */
  mode: 'gost' | 'ours' | 'silent' | 'closing' | 'garbage' | { status: number }
  dials: number
  /** Called when a bind came in, before it is answered. */
  onBind?: () => void
}

const CONNECTOR = '0f0e0d0c-0b0a-4908-8706-050403020100'

export function relayPeer(clock: Clock): RelayPeer {
  const peer: RelayPeer = {
    bound: [],
    mode: 'gost',
    dials: 0,
    dial: async () => {
      peer.dials += 1
      const [near, far] = memoryPair()
      serve(far, peer, clock)
      return near
    }
  }
  return peer
}

function serve(connection: Connection, peer: RelayPeer, clock: Clock): void {
  const decoder = new RequestDecoder()
  connection.on('error', () => {})
  const onData = (chunk: Buffer): void => {
    const decoded = decoder.push(chunk)
    if (decoded === undefined) return
    connection.off('data', onData)
    const { mode } = peer
    peer.onBind?.()
    const id = findTunnelId(decoded.message)
    if (mode === 'silent' || id === undefined) return
    if (mode === 'closing') connection.end()
    else if (mode === 'garbage') connection.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    else if (typeof mode === 'object') connection.end(encodeResponse(refusal(mode.status)))
    else {
      const capability = mode === 'ours' && readCapability(decoded.message) !== undefined ? CAPABILITY_VERSION : undefined
      connection.write(encodeResponse(bindResponse({ tunnelId: id.uuid, connectorId: CONNECTOR, weight: id.weight, capability })))
      if (decoded.rest.length > 0) connection.unshift(decoded.rest)
      const greet = (stream: SmuxStream): void => {
        stream.on('error', () => {}).resume()
        stream.once('data', () => stream.write(encodeControl({ type: 'welcome', server: 'proxy-0' })))
      }
      const session = openSession(connection, { role: 'client', clock, ...(capability !== undefined && { onStream: greet }) })
      peer.bound.push({
        session,
        connection,
        weight: id.weight,
        open(destination = { host: 'nginx.local', port: 80 }, source = { host: '203.0.113.9', port: 50_123 }) {
          const stream = session.open()
          stream.write(encodeResponse(streamOpen({ source, destination })))
          return stream
        }
      })
    }
  }
  connection.on('data', onData)
}
