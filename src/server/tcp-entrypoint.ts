/**
 * An entrypoint for one tunnel: every connection is one stream to one of its connectors, whoever speaks first (MySQL, SMTP) and whatever is spoken.
 * The open message goes out at once. Another connector is tried only while none has taken the stream: bytes may have been acted upon.
 */
import type { ServerContext, Visitor } from './context.ts'
import { joinOrClose } from './join.ts'
import { openOnReturn, openStream } from './open-stream.ts'

/** Resolves when the visitor's connection is over; without a connector it is closed, as there is no word that every protocol knows. */
export async function serveTcp(visitor: Visitor, tunnelId: string, context: ServerContext): Promise<void> {
  const { connection, reader, source } = visitor
  const open = { source, destination: connection.local ?? { host: '0.0.0.0', port: 0 } }
  const stream = reader.gone
    ? undefined
    : (openStream(context, tunnelId, { open }) ?? (await openOnReturn(context, tunnelId, { open, visitor })))
  await joinOrClose(visitor, stream, 'no-connector', context)
}
