/** The same bytes to the entrypoint of a stock server and of ours, each with a stock connector before the same app. */
import { randomUUID } from 'node:crypto'
import net, { type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { visit } from '../harness/visit.ts'
import { RawVisitor } from '../unit/server/world.ts'
import { startTestConnector, startTestServer, type TestServer } from './peers.ts'
import { CORPUS, DIFFERENCES, type Outcome } from './request-corpus.ts'

const HOST = 'corpus.local'
/** Fields that stock servers add, or write anew for each hop. */
const OF_THE_HOP = /^(?:connection|gost-forwarded-node|gost-sid|user-agent|accept-encoding):/

const withHost = (text: string): string => text.replaceAll('HOSTUPPER', HOST.toUpperCase()).replaceAll('HOST', HOST)
const named = ({ statuses, asked: lines }: Outcome): Outcome => ({ statuses, asked: lines.map(withHost) })
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

/** A bare app that writes down what it is asked. */
const asked: string[] = []
const app = net.createServer(socket => {
  let text = ''
  socket.on('error', () => {})
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
    for (let end = bodyEnd(text); end !== undefined; end = bodyEnd(text)) {
      const [start = '', ...fields] = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n')
      text = text.slice(end)
      const told = fields.map(field => field.replace(/^[^:]+/, name => name.toLowerCase())).filter(field => !OF_THE_HOP.test(field))
      if (!start.includes('/ready')) asked.push([start, ...told.toSorted()].join(' | '))
      socket.write(ANSWER)
    }
  })
})

/** Where the first message ends; undefined while it is not whole. */
function bodyEnd(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n') + 4
  if (head < 4) return undefined
  const chunked = /\r\ntransfer-encoding:/i.test(text.slice(0, head))
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1] ?? 0)
  const end = chunked ? text.indexOf('0\r\n\r\n', head) + 5 : head + length
  return end >= head && end <= text.length ? end : undefined
}

describe('a stock entrypoint and ours', () => {
  const servers = new Map<'ga' | 'ours', TestServer>()
  const stop: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    await new Promise<void>(resolve => app.listen(0, '127.0.0.1', resolve))
    for (const kind of ['ga', 'ours'] as const) {
      const tunnelId = randomUUID()
      const server = await startTestServer(kind, { carrier: 'ws', hosts: [[HOST, tunnelId]] })
      const { port } = app.address() as AddressInfo
      const connector = await startTestConnector('ga', { carrier: 'ws', tunnelPort: server.tunnelPort, tunnelId, appPort: port, weight: 1 })
      stop.push(
        () => connector.stop(),
        () => server.stop()
      )
      servers.set(kind, server)
      const url = `http://127.0.0.1:${server.entrypointPort}/ready`
      await eventually(async () => expect((await visit(url, { host: HOST })).status).toBe(200), { timeoutMs: 20_000 })
    }
  })
  afterAll(async () => {
    for (const each of stop) await each()
    app.close()
  })

  /** Until nothing more comes for a while: some answers keep the connection open. */
  async function outcome(kind: 'ga' | 'ours', bytes: string): Promise<Outcome> {
    asked.length = 0
    const visitor = await RawVisitor.connect(servers.get(kind)?.entrypointPort ?? 0)
    visitor.send(Buffer.from(withHost(bytes), 'latin1'))
    const answers = (): string[] => visitor.text.match(/^HTTP\/1\.[01] \d+/gm) ?? []
    await eventually(() => expect(answers().length > 0 || visitor.ended || visitor.closed).toBe(true), { timeoutMs: 20_000 })
    if (bytes.includes('/2 HTTP')) await eventually(() => expect(answers().length > 1 || visitor.ended).toBe(true))
    visitor.socket.destroy()
    return { statuses: answers().map(line => Number(line.slice(9))), asked: [...asked] }
  }

  it.each(Object.entries(CORPUS))('come to the same, or to a known difference: %s', async (name, bytes) => {
    const stock = await outcome('ga', bytes)
    const ours = await outcome('ours', bytes)
    const known = DIFFERENCES[name]
    if (known === undefined) expect(ours).toEqual(stock)
    else expect({ stock, ours }).toEqual({ stock: named(known.stock), ours: named(known.ours) })
  })
})
