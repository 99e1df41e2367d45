/** An app that writes down what it is asked, and what one case of the corpus comes to before it. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expect } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { FRAME, framesIn } from '../harness/http2-frames.ts'
import { startNginx } from '../harness/nginx.ts'
import { visit } from '../harness/visit.ts'
import { RawVisitor } from '../unit/server/world.ts'
import { HOST, type Outcome } from './smuggling-corpus.ts'

export interface AskedApp extends AsyncDisposable {
  readonly port: number
  /** `METHOD TARGET` of each request, oldest first. It answers with the same, before any body has come. */
  asked(): readonly string[]
}

/** Undefined where this machine has no such app. */
export const APPS: Readonly<Record<string, () => Promise<AskedApp | undefined>>> = { 'node:http': startNodeApp, nginx: startNginx }

export async function startNodeApp(): Promise<AskedApp> {
  const asked: string[] = []
  const server = http.createServer({ keepAliveTimeout: 60_000 }, ({ method, url }, response) => {
    asked.push(`${method} ${url}`)
    response.end(`${method} ${url}`)
  })
  server.on('upgrade', ({ method, url }, socket) => {
    asked.push(`${method} ${url}`)
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
  })
  // Also those that were upgraded, which the server has let go.
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    }
  }
}

const INNOCENT = '/innocent/'
let innocents = 0
const isInnocent = (asked: string): boolean => asked.includes(INNOCENT)

/** A visitor of its own that gets the answer to its own request. */
export async function visitInnocently(port: number): Promise<void> {
  innocents += 1
  const path = `${INNOCENT}${innocents}`
  const { status, text } = await visit(`http://127.0.0.1:${port}${path}`, { host: HOST })
  expect({ status, text }).toEqual({ status: 200, text: `GET ${path}` })
}

interface OutcomeOptions {
  port: number
  app: AskedApp
  expected: Outcome
  /** What came, as in an `Outcome`. */
  read?: (received: Buffer) => string[]
}

const http1Answers = (received: Buffer): string[] => received.toString('latin1').match(/(?<=HTTP\/1\.[01] )\d+/g) ?? []

/** Of the static table of HPACK (RFC 7541, appendix A). */
const STATUSES: Readonly<Record<number, string>> = { 0x88: '200', 0x8c: '400', 0x8d: '404', 0x8e: '500' }

/** Of the one stream: its status, or the code of its reset. */
export const http2Answers = (received: Buffer): string[] =>
  framesIn(received).flatMap(({ type, stream, payload }) => {
    if (stream !== 1) return []
    if (type === FRAME.RST_STREAM) return payload.readUInt32BE() === 0 ? [] : [`reset ${payload.readUInt32BE()}`]
    return type === FRAME.HEADERS ? [STATUSES[payload[0] ?? 0] ?? '???'] : []
  })

/** Sends the bytes, waits for as many answers as `expected` has or for the end, and has two innocent visitors come after that. */
export async function outcomeOf(bytes: string | Buffer, to: OutcomeOptions): Promise<Outcome> {
  const { port, app, expected, read = http1Answers } = to
  const before = app.asked().length
  const [statuses = ''] = expected.split('|', 1)
  const wanted = statuses.match(/\d+/g)?.length ?? 0
  const visitor = await RawVisitor.connect(port)
  visitor.send(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  const answers = (): string[] => read(visitor.received)
  try {
    await eventually(() => expect((wanted > 0 && answers().length >= wanted) || visitor.ended || visitor.closed).toBe(true))
    await visitInnocently(port)
    await visitInnocently(port)
  } finally {
    visitor.socket.destroy()
  }
  // nginx writes down what it has answered a moment later.
  await eventually(() => expect(app.asked().slice(before).filter(isInnocent)).toHaveLength(2))
  const rest = app
    .asked()
    .slice(before)
    .filter(asked => !isInnocent(asked))
  return [answers().join(' '), rest.join(', ')].filter(part => part !== '').join(' | ')
}

/** A request that the app may have seen, or not. */
export const same = (outcome: Outcome, expected: Outcome): boolean =>
  outcome === expected.replace('?', '') || (expected.endsWith('?') && outcome === expected.split(' | ', 1)[0])
