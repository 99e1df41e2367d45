/** One request and its answer between a stream and the app's connection, and all that may come instead of an answer. */
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import type { Connection } from '../../../src/base/connection.ts'
import { PlainAnswer } from '../../../src/http/plain-answer.ts'
import { openSession } from '../../../src/smux/session.ts'
import type { BareStream, SmuxStream } from '../../../src/smux/types.ts'
import { idleConnections } from '../../../src/transport/idle-connections.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import type { SpliceResult } from '../../../src/transport/types.ts'
import { PlainExchange } from '../../../src/tunnel/plain-exchange.ts'
import { eventually } from '../../harness/eventually.ts'

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

interface World {
  exchange: PlainExchange
  /** The server's end of the stream. */
  visitor: SmuxStream
  /** The app's end of its connection, and ours. */
  app: Connection
  used: Connection
  told: string[]
  result: Promise<SpliceResult>
  seen: { visitor: string; app: string }
  idle: ReturnType<typeof idleConnections>
}

async function start({ again = false } = {}): Promise<World> {
  const [near, far] = memoryPair()
  const accepted = Promise.withResolvers<BareStream>()
  const sidecar = openSession(near, { role: 'server', clock: systemClock, onBare: accepted.resolve, halfClose: true })
  const server = openSession(far, { role: 'client', clock: systemClock, halfClose: true })
  const visitor = server.open()
  const stream = await accepted.promise
  const [used, app] = memoryPair()
  const told: string[] = []
  const seen = { visitor: '', app: '' }
  visitor.on('data', (chunk: Buffer) => (seen.visitor += chunk.toString('latin1')))
  app.on('data', (chunk: Buffer) => (seen.app += chunk.toString('latin1')))
  const idle = idleConnections(systemClock)
  const done = Promise.withResolvers<SpliceResult>()
  const exchange = new PlainExchange({
    stream,
    request: REQUEST,
    watch: new PlainAnswer('GET'),
    idle,
    left: connection => {
      told.push('left')
      connection.destroy()
    },
    again: again ? () => told.push('again') : undefined,
    more: connection => told.push(connection === used ? 'more' : 'more of another'),
    done: done.resolve
  })
  closing.push(
    () => void sidecar.close(),
    () => void server.close(),
    () => idle.close(),
    () => app.destroy()
  )
  exchange.start(used)
  await eventually(() => expect(seen.app).toBe(REQUEST.toString()))
  return { exchange, visitor, app, used, told, result: done.promise, seen, idle }
}

describe('an exchange of one request', () => {
  it('ends the stream with the answer and keeps the connection for the next one', async () => {
    const at = await start()
    at.app.write(ANSWER.slice(0, 20))
    at.app.write(ANSWER.slice(20))
    expect(await at.result).toEqual({ bytesOut: 0, bytesIn: ANSWER.length })
    await eventually(() => expect([at.seen.visitor, at.visitor.peerEnded]).toEqual([ANSWER, true]))
    expect([at.idle.size, at.idle.take()]).toEqual([1, at.used])
  })

  it('drops a connection that the app wants to close, with all of the answer passed on', async () => {
    const at = await start()
    const answer = ANSWER.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
    at.app.write(answer)
    await at.result
    await eventually(() => expect([at.seen.visitor, at.used.destroyed, at.idle.size]).toEqual([answer, true, 0]))
  })

  it('takes the end of the connection for the end of an answer without a length', async () => {
    const at = await start()
    at.app.end('HTTP/1.1 200 OK\r\n\r\nall of it')
    expect((await at.result).error).toBeUndefined()
    await eventually(() => expect(at.seen.visitor).toContain('all of it'))
    await eventually(() => expect(at.visitor.peerEnded).toBe(true))
  })

  it('asks again when a kept connection ends before its first byte, and leaves the stream alone', async () => {
    const at = await start({ again: true })
    at.app.destroy()
    await eventually(() => expect(at.told).toEqual(['again']))
    expect([at.visitor.peerEnded, at.visitor.destroyed]).toEqual([false, false])
  })

  it('does not ask again once a byte was there, nor on a new connection', async () => {
    const [begun, fresh] = [await start({ again: true }), await start()]
    begun.app.write('HTTP/1.1 200 OK\r\nContent-Le')
    await eventually(() => expect(begun.seen.visitor).not.toBe(''))
    for (const { app } of [begun, fresh]) app.destroy(new Error('reset'))
    expect([(await begun.result).error?.side, (await fresh.result).error?.side]).toEqual(['b', 'b'])
    await eventually(() => expect([begun.visitor.peerEnded, fresh.visitor.peerEnded]).toEqual([true, true]))
    expect(begun.told).toEqual([])
  })

  it('hands over when the stream says more than its one request', async () => {
    const at = await start()
    at.visitor.write('GET /second HTTP/1.1\r\n\r\n')
    await eventually(() => expect(at.told).toEqual(['more']))
    at.app.write(ANSWER)
    at.exchange.stop(new Error('over already'))
    expect([at.used.destroyed, at.visitor.peerEnded]).toEqual([false, false])
  })

  it('hands over at a half-close: the answer is still wanted', async () => {
    const at = await start()
    at.visitor.end()
    await eventually(() => expect(at.told).toEqual(['more']))
  })

  it('tells the app at once when the visitor leaves, and asks nobody else', async () => {
    const at = await start({ again: true })
    let ended = false
    at.app.on('end', () => (ended = true))
    at.visitor.destroy()
    await eventually(() => expect([ended, at.told]).toEqual([true, ['left']]))
    await at.result
    expect(at.told).toEqual(['left'])
  })

  it('stops both sides when it is told to', async () => {
    const at = await start()
    at.exchange.stop(new Error('the session ended'))
    expect((await at.result).error).toMatchObject({ side: 'a', cause: { message: 'the session ended' } })
    expect(at.used.destroyed).toBe(true)
    await eventually(() => expect(at.visitor.peerEnded).toBe(true))
  })

  it('reads no more of the app than a stalled visitor leaves room for', async () => {
    const at = await start()
    at.visitor.pause()
    const size = 4_194_304
    let taken = 0
    // One after the other: what waits in a memory pair arrives in one piece.
    const more = (): void => {
      if (taken === size) return
      taken += 65_536
      at.app.write(Buffer.alloc(65_536, 'x'), more)
    }
    at.app.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`, more)
    await eventually(() => expect(at.used.isPaused()).toBe(true))
    const stalledAt = taken
    for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setImmediate(resolve))
    expect(taken).toBe(stalledAt)
    expect(taken).toBeLessThan(1_048_576)
    at.visitor.resume()
    expect((await at.result).bytesIn).toBeGreaterThan(size)
    await eventually(() => expect(at.seen.visitor.length).toBeGreaterThan(size), { timeoutMs: 10_000 })
  })
})
