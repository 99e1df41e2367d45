/**
 * A relay CONNECT with a tunnel id, on the entrypoint or the tunnel port: whoever knows the id is connected with one of its connectors
 * (gost: eprelay.go, connect.go). Our own probes and the return path of other sessions come this way.
 */
import { ProtocolError } from '../base/errors.ts'
import { refusal } from '../relay/addresses.ts'
import { RequestDecoder } from '../relay/decode.ts'
import { encodeResponse } from '../relay/encode.ts'
import { findFeature, findTunnelId, firstAddress, secondAddress } from '../relay/find.ts'
import { COMMAND, type RelayRequest, STATUS } from '../relay/message.ts'
import { statusText } from '../relay/status.ts'
import { countRefusal, type ServerContext, type Visitor } from './context.ts'
import { closeGently } from './http-entrypoint.ts'
import { joinVisitor } from './join.ts'
import { openOnReturn, openStream, type Wanted } from './open-stream.ts'
import { askedByName } from './personal.ts'

const ZERO = '00000000-0000-0000-0000-000000000000'
const UDP_FLAG = 0x80

/** Resolves when the visitor's connection is over. */
export async function serveRelay(visitor: Visitor, context: ServerContext): Promise<void> {
  const request = await readRequest(visitor, context)
  if (request === undefined) {
    visitor.connection.destroy()
    return
  }
  const id = findTunnelId(request)
  if (request.command !== COMMAND.CONNECT || id === undefined || id.uuid === ZERO) refuseRelay(visitor, STATUS.BAD_REQUEST, context)
  else await connectRelay(visitor, { request, tunnelId: id.uuid }, context)
}

/** Connects the visitor with a connector of the tunnel, or tells that there is none. */
export async function connectRelay(
  visitor: Visitor,
  to: { request: RelayRequest; tunnelId: string },
  context: ServerContext
): Promise<void> {
  const { request, tunnelId } = to
  const udp = (request.flags & UDP_FLAG) !== 0 || findFeature(request, 'network')?.network === 1
  const open = { source: firstAddress(request) ?? visitor.source, destination: secondAddress(request) ?? { host: '', port: 0 } }
  const wanted: Wanted = { open, network: udp ? 'udp' : 'tcp', asked: () => askedByName(open.destination.host) }
  const stream = openStream(context, tunnelId, wanted) ?? (await openOnReturn(context, tunnelId, { ...wanted, visitor }))
  if (stream === undefined) {
    refuseRelay(visitor, STATUS.SERVICE_UNAVAILABLE, context)
    return
  }
  visitor.busy = true
  context.active.count += 1
  try {
    await joinVisitor(visitor, stream, { context, early: encodeResponse({ status: STATUS.OK, features: [] }) })
  } finally {
    context.active.count -= 1
  }
}

/** Says why on a fresh relay connection, then closes it. */
export function refuseRelay(visitor: Visitor, status: number, context: ServerContext, response = refusal(status)): void {
  countRefusal(context, `relay-${statusText(status).replaceAll(' ', '-')}`)
  visitor.connection.write(encodeResponse(response))
  closeGently(visitor, context)
}

/** Undefined: not a relay request, or not in time; gost closes such a connection without a word. */
export async function readRequest({ reader, connection }: Visitor, { clock, limits }: ServerContext): Promise<RelayRequest | undefined> {
  const timer = clock.after(limits.relayTimeoutMs, () => connection.destroy(), { unref: true })
  const decoder = new RequestDecoder()
  try {
    for (;;) {
      const chunk = reader.take()
      if (chunk === undefined) {
        if (await reader.more()) continue
        return undefined
      }
      const decoded = decoder.push(chunk)
      if (decoded === undefined) continue
      if (decoded.rest.length > 0) reader.putBack(decoded.rest)
      return decoded.message
    }
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  } finally {
    timer.cancel()
  }
}
