/**
 * TLS visitors: routed by the server name of their ClientHello, which is passed on untouched; we never see the inside (gost: eptls.go). With a
 * certificate of its own the entrypoint answers those of its names itself.
 */
import { ProtocolError } from '../base/errors.ts'
import { ClientHelloReader } from './client-hello.ts'
import type { ServerContext, Visitor } from './context.ts'
import { joinOrClose } from './join.ts'
import { openOnReturn, openStream } from './open-stream.ts'
import type { TlsTermination } from './tls-termination.ts'

const HTTPS_PORT = 443

/** Resolves when the visitor's connection is over. Without a route or connector it is closed, as gost does it: there is no alert to send for others. */
export async function serveTls(visitor: Visitor, context: ServerContext, termination?: TlsTermination): Promise<void> {
  const { reader } = visitor
  const serverName = await readServerName(visitor, context)
  if (termination?.covers(serverName) === true && !reader.gone) {
    await termination.serve(visitor, context)
    return
  }
  const route = serverName === undefined ? undefined : context.routes.find(serverName)
  const open = { source: visitor.source, destination: { host: serverName ?? '', port: HTTPS_PORT } }
  const stream =
    route === undefined || route.private || reader.gone
      ? undefined
      : (openStream(context, route.tunnelId, { open }) ?? (await openOnReturn(context, route.tunnelId, { open, visitor })))
  await joinOrClose(visitor, stream, route === undefined || route.private ? 'no-route' : 'no-connector', context)
}

/** Undefined: none, or no ClientHello in time. All bytes stay in the reader. */
async function readServerName({ reader, connection }: Visitor, { clock, limits }: ServerContext): Promise<string | undefined> {
  const timer = clock.after(limits.headTimeoutMs, () => connection.destroy(), { unref: true })
  const parts: Buffer[] = []
  const hello = new ClientHelloReader(limits.headBytes)
  let length = 0
  try {
    for (;;) {
      const chunk = reader.take()
      if (chunk === undefined) {
        if (await reader.more()) continue
        return undefined
      }
      parts.push(chunk)
      length += chunk.length
      const read = hello.push(chunk)
      if (read !== undefined) return read.serverName
      if (length > limits.headBytes) return undefined
    }
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  } finally {
    timer.cancel()
    reader.putBack(Buffer.concat(parts))
  }
}
