/** One SOCKS5 client: its two messages, a reply, then bytes. */
import { deadline } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { ByteSource } from './byte-source.ts'
import { connectTo, joinWith, MESSAGE_MS, refuse, type ServeParts } from './serve.ts'
import { encodeReply, REPLY, type SocksEvent, SocksError, SocksReader } from './socks.ts'

type Request = Extract<SocksEvent, { kind: 'request' }>

const UNSUPPORTED = {
  'udp-associate': 'SOCKS UDP ASSOCIATE is not supported: a port-forward carries TCP only',
  bind: 'SOCKS BIND is not supported: nothing in the cluster can dial back through a port-forward'
} as const

/** Never rejects: what goes wrong is told to the client. */
export async function serveSocks(source: ByteSource, parts: ServeParts): Promise<void> {
  const { connection: client } = source
  const request = await readRequest(source, parts)
  if (request === undefined) return
  const { command, to } = request
  if (command !== 'connect') {
    parts.say(command, UNSUPPORTED[command])
    client.end(encodeReply(REPLY.commandNotSupported))
    return
  }
  try {
    const connected = await connectTo(to, client, parts)
    client.write(encodeReply(REPLY.succeeded))
    source.putBack(request.rest)
    await joinWith({ ...connected, source, to }, parts)
  } catch (error) {
    client.end(encodeReply(refuse(error, to, parts).socks))
  }
}

async function readRequest(source: ByteSource, parts: ServeParts): Promise<Request | undefined> {
  const { connection: client } = source
  const reader = new SocksReader()
  const limit = deadline(parts.clock, MESSAGE_MS, () => new Error('the SOCKS client stalls'), parts.signal)
  try {
    for (;;) {
      const chunk = await source.next(limit.signal)
      if (chunk === undefined) break
      for (const event of reader.push(chunk)) {
        if (event.kind === 'request') return event
        client.write(event.bytes)
      }
    }
    client.end()
  } catch (error) {
    parts.log.debug('a SOCKS client was dropped', { error: asError(error) })
    const answer = error instanceof SocksError ? error.answer : undefined
    if (answer !== undefined) client.end(answer)
    else client.destroy()
  } finally {
    limit.done()
  }
  return undefined
}
