import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { openSession } from '../../../src/smux/session.ts'
import type { SmuxSession, SmuxStream } from '../../../src/smux/types.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { eventually } from '../../harness/eventually.ts'

interface Ends extends AsyncDisposable {
  client: SmuxStream
  server: SmuxStream
  sessions: SmuxSession[]
}

/** One stream with both its ends, in a session where both or only the server knows half-close. */
async function connect(halfClose = { client: true, server: true }): Promise<Ends> {
  const [a, b] = memoryPair()
  const accepted = Promise.withResolvers<SmuxStream>()
  const near = openSession(a, { role: 'client', clock: systemClock, halfClose: halfClose.client, finOnEnd: true })
  const far = openSession(b, { role: 'server', clock: systemClock, halfClose: halfClose.server, onStream: accepted.resolve })
  const client = near.open()
  client.write('hello')
  const server = await accepted.promise
  return {
    client,
    server,
    sessions: [near, far],
    async [Symbol.asyncDispose]() {
      await Promise.all([near.close(), far.close()])
    }
  }
}

function collect(stream: SmuxStream): { text: () => string; ended: () => boolean } {
  let text = ''
  let ended = false
  stream.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => (ended = true))
  return { text: () => text, ended: () => ended }
}

describe('half-close between two of ours', () => {
  it('ends one direction behind its last byte, and carries the other on', async () => {
    await using ends = await connect()
    const [atServer, atClient] = [collect(ends.server), collect(ends.client)]
    ends.client.end(' and goodbye')
    await eventually(() => expect([atServer.text(), atServer.ended()]).toEqual(['hello and goodbye', true]))
    expect(ends.server.peerEnded).toBe(false)
    ends.server.write('still ')
    ends.server.write(Buffer.alloc(700_000, 'x'))
    ends.server.end('here')
    await eventually(() => expect([atClient.text().length, atClient.ended()]).toEqual([700_010, true]))
    await eventually(() => expect(ends.sessions.map(({ streamCount }) => streamCount)).toEqual([0, 0]))
  })

  it('tells an end that is a leave, also after a half-close', async () => {
    await using ends = await connect()
    const atServer = collect(ends.server)
    ends.client.end()
    await eventually(() => expect(atServer.ended()).toBe(true))
    expect(ends.server.destroyed).toBe(false)
    ends.client.destroy()
    await eventually(() => expect(ends.server.destroyed).toBe(true))
    expect(ends.sessions.map(({ streamCount }) => streamCount)).toEqual([0, 0])
  })

  it('treats a leave without a half-close as before: what was sent is read, then the end', async () => {
    await using ends = await connect()
    ends.client.write(' world')
    await eventually(() => expect(ends.client.sentBytes).toBe(11))
    ends.client.destroy()
    await eventually(() => expect(ends.server.peerEnded).toBe(true))
    const atServer = collect(ends.server)
    await eventually(() => expect(atServer.ended()).toBe(true))
    expect(atServer.text()).toBe('hello world')
  })

  it('means nothing to a peer without it: an empty frame is ignored', async () => {
    await using ends = await connect({ client: true, server: false })
    const atServer = collect(ends.server)
    ends.client.end()
    ends.server.write('x')
    const atClient = collect(ends.client)
    await eventually(() => expect(atClient.text()).toBe('x'))
    expect(atServer.ended()).toBe(false)
  })
})
