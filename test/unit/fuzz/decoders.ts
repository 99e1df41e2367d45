/** Every decoder that takes bytes of a stranger, in one shape, with messages that it takes. */
import type { ClientHello } from '../../../src/capture/tls-hello.ts'
import { parseClientHello } from '../../../src/capture/tls-hello.ts'
import { BodyFramer } from '../../../src/http/framer.ts'
import { requestFraming, responseFraming } from '../../../src/http/framing.ts'
import { HeadReader } from '../../../src/http/head-reader.ts'
import { parseRequestHead, parseResponseHead } from '../../../src/http/head.ts'
import { PlainAnswer } from '../../../src/http/plain-answer.ts'
import { SocksReader } from '../../../src/access/socks.ts'
import { connectRequest } from '../../../src/relay/addresses.ts'
import { DatagramDecoder, encodeDatagram } from '../../../src/relay/datagram.ts'
import { RequestDecoder, ResponseDecoder } from '../../../src/relay/decode.ts'
import { encodeRequest } from '../../../src/relay/encode.ts'
import { ClientHelloReader } from '../../../src/server/client-hello.ts'
import { isPreface } from '../../../src/server/http2-preface.ts'
import { readProxyHeader } from '../../../src/server/proxy-header.ts'
import { FrameDecoder } from '../../../src/smux/decoder.ts'
import { FrameReader } from '../../../src/transport/frame-reader.ts'
import { ControlDecoder, encodeControl } from '../../../src/tunnel/control-channel.ts'
import { copyLine, encodeDropped, MirrorDecoder } from '../../../src/tunnel/mirror-channel.ts'
import { rawFrame } from '../../harness/raw-smux.ts'

export interface FedDecoder {
  /** True: it has what it wants, and gets no more. */
  push(chunk: Buffer): boolean
  /** What came of the bytes, however they were cut. */
  result(): unknown
}

export interface Decoder {
  /** Where it lives. */
  files: readonly string[]
  make(): FedDecoder
  /** Whole messages that it takes. */
  seeds: readonly Buffer[]
  /** It must have an answer or an error by so many bytes, whatever they are; absent: it keeps nothing. */
  limitBytes?: number
}

const text = (...lines: string[]): Buffer => Buffer.from(lines.join('\r\n'), 'latin1')
const hex = (digits: string): Buffer => Buffer.from(digits, 'hex')

/** Collects pieces of the same kind into one. */
function joined(): { add(kind: string, bytes?: Buffer): void; all: () => string[] } {
  const kinds: [string, Buffer[]][] = []
  return {
    add(kind, bytes) {
      const last = kinds.at(-1)
      if (bytes !== undefined && last?.[0] === kind) last[1].push(Buffer.from(bytes))
      else kinds.push([kind, bytes === undefined ? [] : [Buffer.from(bytes)]])
    },
    all: () => kinds.map(([kind, parts]) => `${kind} ${Buffer.concat(parts).toString('latin1')}`)
  }
}

/** Of one that returns what it has found, and undefined before. */
function finding(push: (chunk: Buffer) => unknown): FedDecoder {
  let found: unknown
  return {
    push(chunk) {
      found = push(chunk)
      return found !== undefined
    },
    result: () => found
  }
}

/** Of one that looks at all bytes so far. */
function looking(look: (bytes: Buffer) => unknown): FedDecoder {
  let seen = Buffer.alloc(0)
  return finding(chunk => {
    seen = Buffer.concat([seen, chunk])
    return look(seen)
  })
}

/** Of one that returns the messages that became complete. */
function listing<T>(push: (chunk: Buffer) => T[]): FedDecoder {
  const all: T[] = []
  return {
    push(chunk) {
      all.push(...push(chunk))
      return false
    },
    result: () => all
  }
}

function chunked(): FedDecoder {
  const seen = joined()
  const framer = new BodyFramer(
    { kind: 'chunked' },
    { payload: bytes => bytes.length > 0 && seen.add('payload', bytes), trailers: raw => seen.add('trailers', raw) }
  )
  return { push: chunk => framer.push(chunk).done, result: seen.all }
}

function smux(): FedDecoder {
  const seen = joined()
  const decoder = new FrameDecoder({
    onSyn: id => seen.add(`syn ${id}`),
    onFin: id => seen.add(`fin ${id}`),
    onNop: () => seen.add('nop'),
    onPayload: (id, bytes) => seen.add(`payload ${id}`, bytes),
    onEmpty: id => seen.add(`empty ${id}`),
    onUpdate: (id, consumed, windowBytes) => seen.add(`update ${id} ${consumed} ${windowBytes}`)
  })
  return {
    push(chunk) {
      decoder.push(chunk)
      return false
    },
    result: seen.all
  }
}

function webSocket(masked: boolean): FedDecoder {
  const seen = joined()
  const reader = new FrameReader({
    masked,
    maxMessageBytes: 4_096,
    onPayload: bytes => seen.add('payload', bytes),
    onControl: (opcode, payload) => seen.add(`control ${opcode} ${payload.toString('latin1')}`)
  })
  return {
    push(chunk) {
      reader.push(Buffer.from(chunk)) // it unmasks in place
      return false
    },
    result: seen.all
  }
}

function plainAnswer(): FedDecoder {
  const answer = new PlainAnswer('GET')
  return {
    push(chunk) {
      answer.push(chunk)
      return false
    },
    result: () => [answer.complete, answer.keeps]
  }
}

/** A vector with a length of `size` bytes before it. */
const vector = (size: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  const length = Buffer.alloc(size)
  length.writeUIntBE(body.length, 0, size)
  return Buffer.concat([length, body])
}
const SERVER_NAME = Buffer.concat([hex('0000'), vector(2, vector(2, hex('00'), vector(2, Buffer.from('shop.local'))))])
const ALPN = Buffer.concat([hex('0010'), vector(2, vector(2, vector(1, Buffer.from('h2'))))])
const HELLO = Buffer.concat([
  hex('160301'),
  vector(
    2,
    hex('01'),
    vector(3, hex('0303'), Buffer.alloc(32, 7), vector(1), vector(2, hex('1301')), vector(1, hex('00')), vector(2, SERVER_NAME, ALPN))
  )
])
const UUID = '10bc451e-59dc-4c70-999e-91a30813ac78'

export const DECODERS: Readonly<Record<string, Decoder>> = {
  'request head': {
    files: ['http/head-reader.ts', 'http/head.ts', 'http/framing.ts'],
    make: () => {
      const heads = new HeadReader()
      return finding(chunk => {
        const read = heads.push(chunk)
        if (read === undefined) return undefined
        const head = parseRequestHead(read.raw)
        return { head, framing: requestFraming(head) }
      })
    },
    seeds: [
      text('POST /a?b HTTP/1.1', 'Host: nginx.local', 'Content-Length: 3', '', 'abc'),
      text('', 'GET / HTTP/1.0', 'Connection: keep-alive, Upgrade', '', ''),
      text('PUT http://a/ HTTP/1.1', 'Transfer-Encoding: chunked', '', '')
    ],
    limitBytes: 65_536
  },
  'response head': {
    files: ['http/head-reader.ts', 'http/head.ts', 'http/framing.ts', 'server/response-plan.ts'],
    make: () => {
      const heads = new HeadReader()
      return finding(chunk => {
        const read = heads.push(chunk)
        if (read === undefined) return undefined
        const head = parseResponseHead(read.raw)
        return { head, framing: responseFraming(head, 'GET') }
      })
    },
    seeds: [text('HTTP/1.1 200 OK', 'Content-Length: 3', 'Content-Length: 3', '', 'abc'), text('HTTP/1.0 304', 'X: y', '', '')],
    limitBytes: 65_536
  },
  'chunked body': {
    files: ['http/framer.ts'],
    make: chunked,
    seeds: [text('5;a=b', 'hello', '0', 'X: y', '', ''), text('00A', '0123456789', '1', 'z', '0', '', 'GET /')]
  },
  'answer to a plain request': {
    files: ['http/plain-answer.ts'],
    make: plainAnswer,
    seeds: [text('HTTP/1.1 103 Hints', '', 'HTTP/1.1 200 OK', 'Content-Length: 2', '', 'ok')]
  },
  'relay request': {
    files: ['relay/decode.ts', 'relay/features.ts'],
    make: () => {
      const decoder = new RequestDecoder()
      return finding(chunk => decoder.push(chunk)?.message)
    },
    seeds: [encodeRequest(connectRequest({ destination: { host: 'a.b', port: 80 }, tunnelId: UUID })), hex('01020000')],
    limitBytes: 65_540
  },
  'relay response': {
    files: ['relay/decode.ts', 'relay/features.ts'],
    make: () => {
      const decoder = new ResponseDecoder()
      return finding(chunk => decoder.push(chunk)?.message)
    },
    seeds: [hex('0100001c02000701cb007109c3cb02000f030b6e67696e782e6c6f63616c0050')],
    limitBytes: 65_540
  },
  datagrams: {
    files: ['relay/datagram.ts'],
    make: () => {
      const decoder = new DatagramDecoder()
      return listing(chunk => decoder.push(chunk))
    },
    seeds: [Buffer.concat([encodeDatagram(Buffer.from('query')), encodeDatagram(Buffer.alloc(0))])]
  },
  'smux frames': {
    files: ['smux/decoder.ts'],
    make: smux,
    seeds: [
      Buffer.concat([
        rawFrame('SYN', 2),
        rawFrame('PSH', 2, Buffer.from('hello')),
        rawFrame('UPD', 2, Buffer.alloc(8, 1)),
        rawFrame('FIN', 2)
      ])
    ]
  },
  'websocket frames of a client': {
    files: ['transport/frame-reader.ts'],
    make: () => webSocket(true),
    seeds: [hex('8285010203046967 6f686e'.replaceAll(' ', '')), hex('89820102030468 69'.replaceAll(' ', '')), hex('82fe00c801020304')]
  },
  'websocket frames of a server': {
    files: ['transport/frame-reader.ts'],
    make: () => webSocket(false),
    seeds: [hex('820568656c6c6f'), hex('0203616263800164'), hex('8803 03e8 61'.replaceAll(' ', '')), hex('827f0000000000000003616263')]
  },
  'control channel': {
    files: ['tunnel/control-channel.ts'],
    make: () => {
      const decoder = new ControlDecoder()
      return listing(chunk => decoder.push(chunk))
    },
    seeds: [
      encodeControl({ type: 'hello', kind: 'agent', who: 'ada@mill', filter: 'path=/a', session: 's', mirror: 0.5 }),
      encodeControl({ type: 'weight', weight: 30 }),
      encodeControl({ type: 'declined', stream: 3 }),
      encodeControl({ type: 'drained', others: [{ kind: 'gost', weight: 1 }] }),
      Buffer.from('{"type":"health","up":true}\n{"type":"newer"}\n\n')
    ],
    limitBytes: 8_193
  },
  'mirror channel': {
    files: ['tunnel/mirror-channel.ts'],
    make: () => {
      const decoder = new MirrorDecoder()
      return listing(chunk => decoder.push(chunk))
    },
    seeds: [
      Buffer.concat([Buffer.from(copyLine({ source: '10.1.2.3:4', ms: 1, by: 'x', whole: 9 }, 2, 3)), Buffer.from('abcde')]),
      encodeDropped({ slow: 1, large: 2 })
    ]
  },
  'ClientHello at the server': {
    files: ['server/client-hello.ts'],
    make: () => {
      const reader = new ClientHelloReader(2_048)
      return finding(chunk => reader.push(chunk))
    },
    seeds: [HELLO]
  },
  'ClientHello at the laptop': {
    files: ['capture/tls-hello.ts'],
    make: () =>
      looking((bytes): { hello: ClientHello | undefined } | undefined => {
        const hello = parseClientHello(bytes)
        return hello === 'more' ? undefined : { hello }
      }),
    seeds: [HELLO]
  },
  'PROXY header': {
    files: ['server/proxy-header.ts'],
    make: () => looking(readProxyHeader),
    seeds: [
      text('PROXY TCP4 192.0.2.1 192.0.2.2 1234 80', 'GET /'),
      text('PROXY UNKNOWN', ''),
      hex('0d0a0d0a000d0a515549540a2111000ccb0071090a000001c3cb0050')
    ],
    limitBytes: 4_112
  },
  'HTTP/2 preface': {
    files: ['server/http2-preface.ts'],
    make: () => looking(isPreface),
    seeds: [Buffer.from('PRI * HTTP/2.0\r\n\r\n'), Buffer.from('PUT / HTTP/1.1\r\n')],
    limitBytes: 4
  },
  'SOCKS on loopback': {
    files: ['access/socks.ts'],
    make: () => {
      const reader = new SocksReader()
      const all: unknown[] = []
      return {
        push(chunk) {
          // Bytes behind a request are the connection's own.
          for (const event of reader.push(chunk)) all.push(event.kind === 'request' ? { ...event, rest: undefined } : event)
          return all.length === 2
        },
        result: () => all
      }
    },
    seeds: [hex('050100 05010003046e616d65 0050'.replaceAll(' ', '')), hex('050200 02 05010001 7f000001 0050'.replaceAll(' ', ''))],
    limitBytes: 600
  }
}

/** Files that find faults of a peer in what a decoder above has read, or in what we are about to send. */
export const NO_DECODERS: Readonly<Record<string, string>> = {
  'http/encode.ts': 'writes',
  'relay/encode.ts': 'writes',
  'server/byte-reader.ts': 'pieces as they come, no meaning',
  'server/http-attempt.ts': 'what the heads above are used for',
  'server/http2-response.ts': 'the response head and the chunked body, over HTTP/2',
  'smux/session.ts': 'frames in any order: test/unit/smux/fuzz.test.ts',
  'smux/bare-stream.ts': 'ends of streams: test/unit/smux/fuzz.test.ts',
  'transport/websocket-stream.ts': 'the frames above',
  'tunnel/stream.ts': 'the relay response above'
}
