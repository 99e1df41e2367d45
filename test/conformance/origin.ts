/** An app for conformance cases: bytes whose order can be checked, digests of what arrived, events sent by hand, requests that hang. */
import { createHash } from 'node:crypto'
import http from 'node:http'
import type net from 'node:net'
import { once } from 'node:events'

const BLOCK_BYTES = 65_536

/** `bytes` bytes, every block marked with its number, so that a lost, doubled or swapped block changes the digest. */
export function* blocks(bytes: number): Generator<Buffer> {
  for (let at = 0, number = 0; at < bytes; at += BLOCK_BYTES, number += 1) {
    const block = Buffer.alloc(Math.min(BLOCK_BYTES, bytes - at), number % 251)
    if (block.length >= 4) block.writeUInt32BE(number)
    yield block
  }
}

export function digestOf(bytes: number): string {
  const hash = createHash('sha256')
  for (const block of blocks(bytes)) hash.update(block)
  return hash.digest('hex')
}

/** One request that `/hold` got: it is neither read nor answered before `answer()`. */
export interface Held {
  /** Resolves when the app's connection closed before the answer. */
  readonly left: Promise<void>
  readonly gone: boolean
  answer(): void
  /** Sends the head, or a part of the body. */
  write(part: string): void
}

export interface Origin {
  readonly port: number
  readonly held: readonly Held[]
  /** Bytes of `/blocks` that it could write so far: stands still while nobody takes them. */
  readonly written: number
  /** Sends an event to every open `/events`. */
  emit(event: string): void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 *     GET /blocks/N   N marked bytes            POST /digest   "LENGTH SHA256" of the body      POST /twist   the body and its trailer back, chunked
 *     GET /events     what `emit` sends         ANY /hold      see `Held`                       anything else: 200, the name
 */
export async function startOrigin(options: { port?: number; name?: string } = {}): Promise<Origin> {
  const held: Held[] = []
  const streams = new Set<http.ServerResponse>()
  const progress = { written: 0 }
  const sockets = new Set<net.Socket>()
  const server = http.createServer((request, response) => {
    const [first = '', second = '0'] = (request.url ?? '').slice(1).split('/')
    const answer = async (): Promise<void> => {
      if (first === 'blocks') await sendBlocks(response, Number(second), progress)
      else if (first === 'digest') await sendDigest(request, response)
      else if (first === 'twist') await twist(request, response)
      else if (first === 'hold') held.push(hold(request, response))
      else if (first === 'events') {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        streams.add(response)
      } else response.end(`${options.name ?? 'origin'}\n`)
    }
    answer().catch(() => response.destroy())
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    port: (server.address() as net.AddressInfo).port,
    held,
    get written() {
      return progress.written
    },
    emit(event) {
      for (const stream of streams) stream.write(`data: ${event}\n\n`)
    },
    close,
    [Symbol.asyncDispose]: close
  }
}

async function sendBlocks(response: http.ServerResponse, bytes: number, progress: { written: number }): Promise<void> {
  response.writeHead(200, { 'content-length': bytes })
  for (const block of blocks(bytes)) {
    if (response.destroyed) return
    progress.written += block.length
    if (!response.write(block)) {
      await new Promise<void>(resolve => {
        const go = (): void => {
          response.off('drain', go).off('close', go)
          resolve()
        }
        response.once('drain', go).once('close', go)
      })
    }
  }
  response.end()
}

async function sendDigest(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length
    hash.update(chunk as Buffer)
  }
  response.end(`${bytes} ${hash.digest('hex')}`)
}

async function twist(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  response.writeHead(200, { trailer: 'x-sum' })
  for await (const chunk of request) response.write(chunk)
  response.addTrailers({ 'x-sum': request.trailers['x-sum'] ?? 'none' })
  response.end()
}

function hold(request: http.IncomingMessage, response: http.ServerResponse): Held {
  const { promise, resolve } = Promise.withResolvers<void>()
  let gone = false
  response.once('close', () => {
    if (response.writableFinished) return
    gone = true
    resolve()
  })
  return {
    left: promise,
    get gone() {
      return gone
    },
    answer() {
      request.resume()
      response.end('held\n')
    },
    write: part => void response.write(part)
  }
}
