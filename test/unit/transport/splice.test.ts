import { createHash, randomBytes } from 'node:crypto'
import { Duplex } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { splice } from '../../../src/transport/splice.ts'
import { eventually } from '../../harness/eventually.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { checkLeaks } from '../../harness/leaks.ts'
import { memoryKind, type Pair, type PairKind, tcpKind, webSocketKind } from '../../harness/pair.ts'

checkLeaks()
const pairs: Pair[] = []
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.close()
})

/** visitor ═ a ⇄ b ═ app, where a and b are to be spliced. */
async function between(left: PairKind, right: PairKind): Promise<{ visitor: Connection; a: Connection; b: Connection; app: Connection }> {
  const [one, two] = [await left.connect(), await right.connect()]
  pairs.push(one, two)
  return { visitor: one.client, a: one.server, b: two.client, app: two.server }
}

async function text(connection: Connection): Promise<string> {
  let all = ''
  for await (const chunk of connection) all += String(chunk)
  return all
}

describe.each([
  [memoryKind, memoryKind],
  [tcpKind, tcpKind],
  [memoryKind, tcpKind]
])('splice of $name and $name', (left, right) => {
  it('passes bytes and ends both ways, with half-close', async () => {
    const { visitor, a, b, app } = await between(left, right)
    const spliced = splice(a, b)
    visitor.end('question')
    expect(await text(app)).toBe('question')
    app.end('the answer')
    expect(await text(visitor)).toBe('the answer')
    expect(await spliced).toEqual({ bytesOut: 8, bytesIn: 10 })
    await eventually(() => expect([a.closed, b.closed]).toEqual([true, true]))
    expect([visitor.errored, app.errored]).toEqual([null, null])
  })

  it('passes on what arrived before it began', async () => {
    const { visitor, a, b, app } = await between(left, right)
    visitor.end('early')
    await eventually(() => expect(a.readableLength).toBe(5))
    a.pause()
    const spliced = splice(a, b)
    expect(await text(app)).toBe('early')
    app.end()
    visitor.resume()
    expect(await spliced).toEqual({ bytesOut: 5, bytesIn: 0 })
  })

  it('drops b when a has ended and nothing is left to say, and not before', async () => {
    const { visitor, a, b, app } = await between(left, right)
    let answered = false
    const spliced = splice(a, b, { completeAtEnd: () => answered, onBytes: direction => (answered = direction === 'in') })
    const heard = text(visitor)
    visitor.write('question')
    await eventually(() => expect(app.readableLength).toBe(8))
    app.write('the answer')
    await eventually(() => expect(answered).toBe(true))
    visitor.end()
    // The app never ends by itself.
    expect(await spliced).toEqual({ bytesOut: 8, bytesIn: 10 })
    expect(await heard).toBe('the answer')
    await eventually(() => expect([a.closed, b.closed]).toEqual([true, true]))
    app.destroy()
  })

  it('resets the other side when one breaks, and tells which', async () => {
    const { visitor, a, b, app } = await between(left, right)
    const spliced = splice(a, b)
    visitor.resume()
    app.write('part of an answer')
    await eventually(() => expect(b.destroyed || a.writableLength === 0).toBe(true))
    b.destroy(new Error('broken'))
    expect(await spliced).toMatchObject({ error: { side: 'b', cause: { message: 'broken' } } })
    // Not a clean end: a body without length would look complete.
    await eventually(() => expect(visitor.errored).toMatchObject({ code: 'ECONNRESET' }))
  })
})

describe('splice', () => {
  it('holds back the writer when the reader on the other side stands still', async () => {
    const { visitor, a, b, app } = await between(memoryKind, memoryKind)
    void splice(a, b)
    let written = 0
    const write = (): void => {
      visitor.write(Buffer.alloc(16_384), error => {
        if (error) return
        written += 16_384
        setImmediate(write)
      })
    }
    write()
    await eventually(() => expect(app.readableLength).toBeGreaterThanOrEqual(65_536))
    // The buffers on the way fill up before the writer is held back.
    let stoppedAt = -1
    for (let turns = 0; turns < 200 && stoppedAt !== written; turns += 1) {
      stoppedAt = written
      for (let turn = 0; turn < 10; turn += 1) await new Promise(resolve => setImmediate(resolve))
    }
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(written).toBe(stoppedAt)
    expect(written + a.readableLength + b.writableLength).toBeLessThan(1024 * 1024)
    app.resume()
    await eventually(() => expect(written).toBeGreaterThan(stoppedAt + 1024 * 1024))
    visitor.destroy()
  })

  it('keeps 200 large echoes going at the same time', async () => {
    const size = 300_000
    const echo = async (): Promise<boolean> => {
      const { visitor, a, b, app } = await between(memoryKind, memoryKind)
      app.on('data', (chunk: Buffer) => app.write(chunk))
      app.on('end', () => app.end())
      const bytes = randomBytes(size)
      const spliced = splice(a, b)
      visitor.end(bytes)
      const hash = createHash('sha1')
      for await (const chunk of visitor) hash.update(chunk as Buffer)
      expect(await spliced).toEqual({ bytesOut: size, bytesIn: size })
      return hash.digest('hex') === createHash('sha1').update(bytes).digest('hex')
    }
    const results = await Promise.all(Array.from({ length: 200 }, echo))
    expect(results.every(Boolean)).toBe(true)
  }, 30_000)

  it('carries bulk over TCP and WebSocket', async () => {
    const { visitor, a, b, app } = await between(webSocketKind, tcpKind)
    const bytes = randomBytes(8 * 1024 * 1024)
    const spliced = splice(a, b)
    app.on('data', (chunk: Buffer) => {
      if (!app.write(chunk)) {
        app.pause()
        app.once('drain', () => app.resume())
      }
    })
    const hash = createHash('sha1')
    let received = 0
    visitor.on('data', (chunk: Buffer) => {
      hash.update(chunk)
      received += chunk.length
    })
    visitor.write(bytes)
    await eventually(() => expect(received).toBe(bytes.length), { timeoutMs: 20_000 })
    visitor.end()
    await eventually(() => expect(app.readableEnded).toBe(true))
    app.end()
    expect(await spliced).toMatchObject({ bytesOut: bytes.length, bytesIn: bytes.length })
    expect(hash.digest('hex')).toBe(createHash('sha1').update(bytes).digest('hex'))
  }, 30_000)

  it('resumes from write completion, without a drain', async () => {
    const { visitor, a, app } = await between(memoryKind, memoryKind)
    const sunk: Buffer[] = []
    // Completes every write, and is made deaf: nobody hears its `drain`.
    const sink: Duplex = new Duplex({
      highWaterMark: 10,
      read() {},
      write(chunk: Buffer, _encoding, done) {
        sunk.push(chunk)
        queueMicrotask(done)
      }
    })
    const emit = sink.emit.bind(sink)
    sink.emit = (name: string | symbol, ...rest: unknown[]) => name !== 'drain' && emit(name, ...rest)
    void splice(a, sink)
    for (let i = 0; i < 50; i += 1) visitor.write(Buffer.alloc(1_000))
    await eventually(() => expect(Buffer.concat(sunk).length).toBe(50_000))
    app.destroy()
    sink.destroy()
  })

  it('tells its observer every byte before the result, and both ends', async () => {
    const { visitor, a, b, app } = await between(memoryKind, memoryKind)
    const seen: string[] = []
    const spliced = splice(a, b, {
      onBytes: (direction, chunk) => seen.push(`${direction}:${chunk.toString()}`),
      onEnd: direction => seen.push(`${direction}.`)
    })
    visitor.end('q')
    expect(await text(app)).toBe('q')
    app.end('a')
    expect(await text(visitor)).toBe('a')
    await spliced
    expect(seen).toEqual(['out:q', 'out.', 'in:a', 'in.'])
  })

  it('resets both sides when the signal aborts, and says no error', async () => {
    const { visitor, a, b, app } = await between(memoryKind, memoryKind)
    const controller = new AbortController()
    const spliced = splice(a, b, { signal: controller.signal })
    controller.abort(new Error('stop'))
    expect(await spliced).toEqual({ bytesOut: 0, bytesIn: 0 })
    await eventually(() => expect([visitor.errored, app.errored]).toMatchObject([{ code: 'ECONNRESET' }, { code: 'ECONNRESET' }]))
    const again = await between(memoryKind, memoryKind)
    expect(await splice(again.a, again.b, { signal: controller.signal })).toEqual({ bytesOut: 0, bytesIn: 0 })
    expect(again.a.destroyed).toBe(true)
  })

  it('ends both sides after standing idle, not before', async () => {
    const { visitor, a, b, app } = await between(memoryKind, memoryKind)
    const clock = fakeClock()
    const spliced = splice(a, b, { idle: { clock, ms: 1_000 } })
    let arrived = 0
    app.on('data', (chunk: Buffer) => {
      arrived += chunk.length
    })
    visitor.resume()
    await clock.advance(900)
    visitor.write('still here')
    await eventually(() => expect(arrived).toBe(10))
    await clock.advance(900)
    expect(a.destroyed).toBe(false)
    await clock.advance(200)
    expect(await spliced).toEqual({ bytesOut: 10, bytesIn: 0 })
    expect([a.destroyed, b.destroyed]).toEqual([true, true])
    expect(clock.pending).toBe(0)
  })

  it('leaves no listener on the signal and no timer', async () => {
    const clock = fakeClock()
    const controller = new AbortController()
    let listeners = 0
    const { signal } = controller
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = (...args: Parameters<typeof add>) => ((listeners += 1), add(...args))
    signal.removeEventListener = (...args: Parameters<typeof remove>) => ((listeners -= 1), remove(...args))
    const { visitor, a, b, app } = await between(memoryKind, memoryKind)
    const spliced = splice(a, b, { signal, idle: { clock, ms: 10 } })
    expect([listeners, clock.pending]).toEqual([1, 1])
    visitor.end()
    app.end()
    visitor.resume()
    app.resume()
    await spliced
    expect([listeners, clock.pending]).toEqual([0, 0])
  })

  it('tells a side that was gone already', async () => {
    const [visitor, a] = memoryPair()
    const [b, app] = memoryPair()
    b.destroy()
    expect(await splice(a, b)).toMatchObject({ error: { side: 'b' } })
    await eventually(() => expect(visitor.errored).toMatchObject({ code: 'ECONNRESET' }))
    app.destroy()
  })

  it('tells a side that closes without an end', async () => {
    const { a, b } = await between(memoryKind, memoryKind)
    const spliced = splice(a, b)
    a.destroy()
    expect(await spliced).toMatchObject({ error: { side: 'a', cause: { message: 'connection closed' } } })
    expect(b.destroyed).toBe(true)
  })
})
