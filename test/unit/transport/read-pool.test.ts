import { createHash, randomBytes } from 'node:crypto'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/base/closable.ts'
import type { Connection } from '../../../src/base/connection.ts'
import { giveBack } from '../../../src/base/lent.ts'
import { PooledReads } from '../../../src/transport/read-pool.ts'
import { splice } from '../../../src/transport/splice.ts'
import { dialTcp, listenTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import { webSocketServer } from '../../../src/transport/websocket-server.ts'
import { checkLeaks } from '../../harness/leaks.ts'

checkLeaks()
const BODY = randomBytes(8 * 1_048_576)
const sum = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')

/** Takes a few chunks at a time, late; `copies` says whether it copies them before it calls back, or keeps the slices it was given. */
function sink(copies: boolean): { connection: Connection; body: () => Buffer; memories: Set<ArrayBufferLike> } {
  const kept: Buffer[] = []
  const memories = new Set<ArrayBufferLike>()
  const connection = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      memories.add(chunk.buffer)
      kept.push(copies ? Buffer.from(chunk) : chunk)
      setImmediate(done)
    },
    final(done) {
      done()
      this.push(null)
    }
  })
  return { connection: Object.assign(connection, { copies }), body: () => Buffer.concat(kept), memories }
}

async function pass(copies: boolean): Promise<ReturnType<typeof sink>> {
  await using app = await listening(BODY)
  const local = await dialTcp({ host: '127.0.0.1', port: app.port }, { pooled: true })(new AbortController().signal)
  const visitor = sink(copies)
  const result = await splice(visitor.connection, local)
  expect(result).toEqual({ bytesIn: BODY.length, bytesOut: 0 })
  return visitor
}

async function listening(body: Buffer): Promise<{ port: number } & AsyncDisposable> {
  const listener = await listenTcp({ host: '127.0.0.1', port: 0 }, connection => connection.resume().end(body))
  return { port: listener.port, [Symbol.asyncDispose]: () => listener.close() }
}

describe('pooled reads', () => {
  it('passes a large body on whole while its memory is used again', async () => {
    const { body, memories } = await pass(true)
    expect(sum(body())).toBe(sum(BODY))
    expect(memories.size).toBeLessThan(BODY.length / 65_536 / 2)
  })

  it('never writes into memory that somebody still holds', async () => {
    const { body } = await pass(false)
    expect(sum(body())).toBe(sum(BODY))
  })

  it('passes a large body on whole from a WebSocket to a socket, in memory used again', async () => {
    const server = webSocketServer({ onConnection: connection => connection.end(BODY) })
    const outside = await listenTcp({ host: '127.0.0.1', port: 0 }, connection => server.accept(connection))
    const hash = createHash('sha1')
    const done = deferred<string>()
    const app = await listenTcp({ host: '127.0.0.1', port: 0 }, connection => {
      connection.on('data', (chunk: Buffer) => hash.update(chunk))
      connection.on('end', () => {
        done.resolve(hash.digest('hex'))
        connection.end()
      })
    })
    const { signal } = new AbortController()
    const tunnel = await dialWebSocket(dialTcp({ host: '127.0.0.1', port: outside.port }, { pooled: true }))(signal)
    const memories = new Set<ArrayBufferLike>()
    const local = await dialTcp({ host: '127.0.0.1', port: app.port })(signal)
    await splice(tunnel, local, { onBytes: (_direction, chunk) => void memories.add(chunk.buffer) })
    expect(await done.promise).toBe(sum(BODY))
    expect(memories.size).toBeLessThan(BODY.length / 65_536 / 2)
    await Promise.all([outside.close(), app.close(), server.close()])
  })

  it('reads what an accepted connection sends into memory used again, and tells its ends', async () => {
    const accepted = deferred<Connection>()
    const listener = await listenTcp({ host: '127.0.0.1', port: 0, pooled: true }, accepted.resolve)
    const visitor = await dialTcp({ host: '127.0.0.1', port: listener.port })(new AbortController().signal)
    visitor.end(BODY)
    const connection = await accepted.promise
    expect([connection.remote, connection.local]).toEqual([visitor.local, visitor.remote])
    const { connection: app, body, memories } = sink(true)
    await splice(connection, app)
    expect(sum(body())).toBe(sum(BODY))
    expect(memories.size).toBeLessThan(BODY.length / 65_536 / 2)
    visitor.destroy()
    await listener.close()
  })

  it('counts accepted connections as open until they close', async () => {
    const accepted = deferred<Connection>()
    const listener = await listenTcp({ host: '127.0.0.1', port: 0, pooled: true }, accepted.resolve)
    const visitor = await dialTcp({ host: '127.0.0.1', port: listener.port })(new AbortController().signal)
    const connection = await accepted.promise
    await listener.close()
    expect(connection.destroyed).toBe(true)
    visitor.destroy()
  })

  it('takes a chunk back once, and none that it did not give out', () => {
    const reads = new PooledReads()
    reads.chunk(65_536) // the first large read is copied, and gives the socket memory of its own
    const first = reads.buffer()
    const chunk = reads.chunk(65_536)
    giveBack(chunk)
    giveBack(chunk)
    giveBack(Buffer.alloc(65_536))
    const again = reads.buffer()
    const other = new PooledReads()
    other.chunk(65_536)
    expect([again === first, other.buffer() === first]).toEqual([true, false])
  })

  it('lets sockets of small messages share their memory, until one has more to say', () => {
    const [one, two] = [new PooledReads(), new PooledReads()]
    expect(one.buffer() === two.buffer()).toBe(true)
    one.buffer().fill(1)
    const large = one.chunk(65_536)
    expect(one.buffer() === two.buffer()).toBe(false)
    two.buffer().fill(2)
    expect([...new Set(large)]).toEqual([1])
  })

  it('copies small reads, and reads into the same memory again', () => {
    const reads = new PooledReads()
    const memory = reads.buffer().fill(1)
    const chunk = reads.chunk(100)
    expect(reads.buffer()).toBe(memory)
    memory.fill(2)
    expect([...new Set(chunk)]).toEqual([1])
  })
})
