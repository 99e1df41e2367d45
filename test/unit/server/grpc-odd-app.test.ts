/** Apps that no library would be, behind a gRPC call: whatever they answer, the call ends, and the next one is served. */
import net, { type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../../harness/eventually.ts'
import { openHttp2 } from '../../harness/http2-visit.ts'
import { FLAG, FRAME, frame, framesIn, headerBlock, PREFACE, settings } from '../../harness/http2-frames.ts'
import { HOST, startWorld } from './world.ts'

const servers: net.Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

type Fields = readonly (readonly [name: string, value: string])[]

const block = (fields: Fields): Buffer => Buffer.concat(fields.map(([name, value]) => headerBlock({ [name]: value })))
const headers = (stream: number, fields: Fields, flags: number = FLAG.END_HEADERS): Buffer =>
  frame({ type: FRAME.HEADERS, flags, stream, payload: block(fields) })
const data = (stream: number, text: string, flags = 0): Buffer => frame({ type: FRAME.DATA, flags, stream, payload: Buffer.from(text) })
const END = FLAG.END_HEADERS | FLAG.END_STREAM
const OK: Fields = [
  [':status', '200'],
  ['content-type', 'application/grpc']
]

/** Answers its first call so, and the ones after it as it should. */
async function oddApp(answer: (stream: number) => Buffer): Promise<number> {
  let asked = 0
  const server = net.createServer(socket => {
    socket.on('error', () => {})
    let received = Buffer.alloc(0)
    let told = 0
    socket.write(settings())
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      const frames = framesIn(received.subarray(PREFACE.length))
      for (const each of frames.slice(told)) {
        if (each.type === FRAME.SETTINGS && (each.flags & FLAG.ACK) === 0) socket.write(frame({ type: FRAME.SETTINGS, flags: FLAG.ACK }))
        if (each.type === FRAME.HEADERS) {
          asked += 1
          const { stream } = each
          socket.write(asked === 1 ? answer(stream) : Buffer.concat([headers(stream, OK), data(stream, 'fine', FLAG.END_STREAM)]))
        }
      }
      told = frames.length
    })
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await eventually(() => server.listening)
  return (server.address() as AddressInfo).port
}

/** What became of a call: its status and text, or how it was reset. */
async function ask(url: string): Promise<string> {
  using session = await openHttp2(url)
  const call = session.request({ ':method': 'POST', ':path': '/x', ':authority': HOST, 'content-type': 'application/grpc' })
  let head = ''
  let text = ''
  call.on('error', () => {}) // told below
  call.once('response', fields => (head = `${fields[':status']} ${String(fields['grpc-status'] ?? '')}`.trim()))
  call.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  call.end('x')
  await new Promise(resolve => call.once('close', resolve))
  return `${head} ${text} ${call.rstCode === 0 ? '' : `reset ${call.rstCode}`}`.replace(/ +/g, ' ').trim()
}

describe('an app behind a gRPC call', () => {
  it.each<[string, string, (stream: number) => Buffer]>([
    [
      'an interim response that HTTP/2 has not',
      'reset 1',
      stream => Buffer.concat([headers(stream, [[':status', '101']]), headers(stream, OK, END)])
    ],
    ['early hints, then an answer', '200', stream => Buffer.concat([headers(stream, [[':status', '103']]), headers(stream, OK, END)])],
    ['a status of no kind', 'reset 2', stream => headers(stream, [[':status', '999']], END)],
    ['a status below all', 'reset 1', stream => headers(stream, [[':status', '99']], END)],
    ['a status that is no number', 'reset 1', stream => headers(stream, [[':status', 'abc']], END)],
    ['no status', 'reset 1', stream => headers(stream, [['content-type', 'application/grpc']], END)],
    ['two content types', '200', stream => headers(stream, [...OK, ['content-type', 'text/plain']], END)],
    ['two lengths', 'reset 1', stream => headers(stream, [...OK, ['content-length', '1'], ['content-length', '2']], END)],
    [
      'another length than it has',
      '200 x reset 1',
      stream => Buffer.concat([headers(stream, [...OK, ['content-length', '9']]), data(stream, 'x', FLAG.END_STREAM)])
    ],
    [
      'a body where none may be',
      '204',
      stream => Buffer.concat([headers(stream, [[':status', '204']]), data(stream, 'x', FLAG.END_STREAM)])
    ],
    ['a field of a connection', 'reset 1', stream => headers(stream, [...OK, ['connection', 'close']], END)],
    ['a field in upper case', 'reset 1', stream => headers(stream, [...OK, ['X-Upper', '1']], END)],
    ['many cookies', '200', stream => headers(stream, [...OK, ['set-cookie', 'a=1'], ['set-cookie', 'b=2']], END)],
    [
      'a pseudo-header in trailers',
      '200 reset 1',
      stream => Buffer.concat([headers(stream, OK), headers(stream, [[':status', '200']], END)])
    ],
    ['trailers that do not end', '200 reset 1', stream => Buffer.concat([headers(stream, OK), headers(stream, [['grpc-status', '0']])])],
    ['a body without a head', '200 14', stream => data(stream, 'x', FLAG.END_STREAM)],
    ['a reset of no kind', 'reset 256', stream => frame({ type: FRAME.RST_STREAM, stream, payload: Buffer.from([0, 0, 1, 0]) })],
    ['an answer to another call', '200 14', stream => headers(stream + 2, OK, END)],
    [
      'a pushed answer',
      '200 14',
      stream => frame({ type: 5, flags: FLAG.END_HEADERS, stream, payload: Buffer.concat([Buffer.from([0, 0, 0, 2]), block(OK)]) })
    ],
    ['a frame of a length that it cannot have', '200 14', stream => frame({ type: FRAME.RST_STREAM, stream, payload: Buffer.alloc(3) })]
  ])('that sends %s ends the call, and the next one is served', async (_, outcome, answer) => {
    await using world = await startWorld({ weights: [], limits: { appIdleMs: 60_000 } })
    await world.addSidecar(await oddApp(answer))
    expect(await ask(world.url)).toBe(outcome)
    expect(await ask(world.url)).toBe('200 fine')
    await eventually(() => expect(world.server.stats().active).toBe(0))
  })
})
