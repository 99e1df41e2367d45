/**
 * Requests of HTTP/2 that would be two, or another one, once they are written as HTTP/1.1 (RFC 9113 §10.3, the collections of James Kettle and Emil Lerner), and what
 * comes of them at our entrypoint: status or reset, and what the app is asked.
 */
import { FLAG, FRAME, frame, headerBlock, PREFACE, settings } from '../harness/http2-frames.ts'
import { HIDDEN, HOST, type Outcome } from './smuggling-corpus.ts'

type Fields = readonly (readonly [name: string, value: string])[]

const LENGTH = String(HIDDEN.length)

/** nghttp2 leaves fields out that cannot be said in HTTP/1.1. */
const DROPPED = '200 | POST /p'

/** The pseudo-header fields, with these in place of their like. */
function start(changed: Readonly<Record<string, string>> = {}): Fields {
  return Object.entries({ ':method': 'POST', ':scheme': 'http', ':authority': HOST, ':path': '/p', ...changed })
}

const without = (name: string): Fields => start().filter(([key]) => key !== name)

/** `body` undefined: the header section ends the stream. */
function bytes(fields: Fields, body: string | undefined, trailers?: Fields): Buffer {
  const end = (last: boolean): number => FLAG.END_HEADERS | (last ? FLAG.END_STREAM : 0)
  const parts = [frame({ type: FRAME.HEADERS, flags: end(body === undefined), stream: 1, payload: headerBlock(fields) })]
  if (body !== undefined) {
    const payload = Buffer.from(body, 'latin1')
    parts.push(frame({ type: FRAME.DATA, flags: trailers === undefined ? FLAG.END_STREAM : 0, stream: 1, payload }))
  }
  if (trailers !== undefined) parts.push(frame({ type: FRAME.HEADERS, flags: end(true), stream: 1, payload: headerBlock(trailers) }))
  return Buffer.concat([Buffer.from(PREFACE), settings(), ...parts])
}

const post = (more: Fields, body: string | undefined = HIDDEN): Buffer => bytes([...start(), ...more], body)
const changed = (fields: Readonly<Record<string, string>>): Buffer => bytes(start(fields), undefined)
const trailing = (...trailers: Fields): Buffer => bytes(start(), 'abc', trailers)

export const SMUGGLING_HTTP2: Readonly<Record<string, readonly [bytes: Buffer, ours: Outcome]>> = {
  'a body that is a request': [post([]), '200 | POST /p'],
  'a body that ends chunks, and a request': [post([], `0\r\n\r\n${HIDDEN}`), '200 | POST /p'],
  'a body of GET that is a request': [bytes(start({ ':method': 'GET' }), HIDDEN), '200 | GET /p'],
  'length: as it is': [post([['content-length', LENGTH]]), '200 | POST /p'],
  'length: less than the body': [post([['content-length', '0']]), ''],
  'length: more than the body': [post([['content-length', '1000']]), 'reset 1 | POST /p?'],
  'length: without a body': [bytes([...start(), ['content-length', '5']], undefined), 'reset 1'],
  'length: two': [
    post([
      ['content-length', '0'],
      ['content-length', LENGTH]
    ]),
    'reset 1'
  ],
  'length: two equal': [
    post([
      ['content-length', LENGTH],
      ['content-length', LENGTH]
    ]),
    'reset 1'
  ],
  'length: a list': [post([['content-length', `0, ${LENGTH}`]]), 'reset 1'],
  'length: plus': [post([['content-length', `+${LENGTH}`]]), 'reset 1'],
  'length: no-break space': [post([['content-length', `\xa0${LENGTH}`]]), 'reset 1'],
  'length: in capitals': [post([['Content-Length', '0']]), 'reset 1'],
  'coding: chunked': [post([['transfer-encoding', 'chunked']], `0\r\n\r\n${HIDDEN}`), 'reset 1'],
  'coding: beside a length': [
    post([
      ['content-length', LENGTH],
      ['transfer-encoding', 'chunked']
    ]),
    'reset 1'
  ],
  'coding: in a value': [post([['x', 'a\r\nTransfer-Encoding: chunked']], `0\r\n\r\n${HIDDEN}`), DROPPED],
  'coding: in a name': [post([['x: a\r\ntransfer-encoding', 'chunked']], `0\r\n\r\n${HIDDEN}`), DROPPED],
  'coding: behind a colon in a name': [post([['transfer-encoding:chunked\r\nx', 'a']], `0\r\n\r\n${HIDDEN}`), DROPPED],
  'field: connection': [post([['connection', 'content-length']]), 'reset 1'],
  'field: keep-alive': [post([['keep-alive', '5']]), 'reset 1'],
  'field: proxy-connection': [post([['proxy-connection', 'x']]), 'reset 1'],
  'field: upgrade': [post([['upgrade', 'h2c']]), 'reset 1'],
  'field: te': [post([['te', 'gzip']]), 'reset 1'],
  'field: LF in a value': [post([['x', `a\n${HIDDEN}`]]), DROPPED],
  'field: CR in a value': [post([['x', 'a\rb']]), DROPPED],
  'field: NUL in a value': [post([['x', 'a\0b']]), DROPPED],
  'field: two line ends in a value': [post([['x', `a\r\n\r\n${HIDDEN}`]]), DROPPED],
  'field: blank in a name': [post([['x y', 'a']]), DROPPED],
  'field: colon in a name': [post([['x:y', 'a']]), DROPPED],
  'field: capitals in a name': [post([['X', 'a']]), 'reset 1'],
  'field: 0xff in a name': [post([['x\xff', 'a']]), DROPPED],
  'field: no name': [post([['', 'a']]), DROPPED],
  'path: a request behind it': [changed({ ':path': `/p HTTP/1.1\r\n\r\n${HIDDEN}` }), 'reset 1'],
  'path: a blank': [changed({ ':path': '/p q' }), 'reset 1'],
  'path: a tab': [changed({ ':path': '/p\tq' }), 'reset 1'],
  'path: none': [bytes(without(':path'), undefined), 'reset 1'],
  'path: empty': [changed({ ':path': '' }), 'reset 1'],
  'path: no slash': [changed({ ':path': 'p' }), 'reset 1'],
  'path: absolute': [changed({ ':path': `http://${HOST}/p` }), 'reset 1'],
  'path: two': [bytes([...start(), [':path', '/q']], undefined), 'reset 1'],
  'method: a request line': [changed({ ':method': 'GET /hidden HTTP/1.1\r\nx:' }), 'reset 1'],
  'method: a blank': [changed({ ':method': 'GET x' }), 'reset 1'],
  'method: none': [bytes(without(':method'), undefined), 'reset 1'],
  'method: CONNECT': [changed({ ':method': 'CONNECT' }), 'reset 1'],
  'authority: a line end': [changed({ ':authority': `${HOST}\r\nx: y` }), 'reset 1'],
  'authority: a user': [changed({ ':authority': `u@${HOST}` }), 'reset 1'],
  'authority: a path': [changed({ ':authority': `${HOST}/x` }), 'reset 1'],
  'authority: an odd port': [changed({ ':authority': `${HOST}:80x` }), '400'],
  'authority: none': [bytes(without(':authority'), undefined), 'reset 1'],
  'authority: another than Host': [post([['host', 'other.local']], undefined), '400'],
  'authority: twice as Host': [
    post(
      [
        ['host', HOST],
        ['host', HOST]
      ],
      undefined
    ),
    'reset 1'
  ],
  'authority: two': [bytes([...start(), [':authority', 'other.local']], undefined), 'reset 1'],
  'scheme: a URL': [changed({ ':scheme': 'http://other.local/?' }), 'reset 1'],
  'scheme: none': [bytes(without(':scheme'), undefined), 'reset 1'],
  'pseudo: behind a field': [bytes([['x', 'a'], ...start()], undefined), 'reset 1'],
  'pseudo: unknown': [bytes([...start(), [':odd', 'a']], undefined), 'reset 1'],
  'pseudo: protocol without CONNECT': [bytes([...start(), [':protocol', 'websocket']], undefined), 'reset 1'],
  'cookie: a line end in a crumb': [
    post([
      ['cookie', 'a=b'],
      ['cookie', 'c=d\r\nx: y']
    ]),
    DROPPED
  ],
  'trailer: a field': [trailing(['x-a', '1']), '200 | POST /p'],
  'trailer: a length': [trailing(['content-length', '3']), '200 | POST /p'],
  'trailer: a coding': [trailing(['transfer-encoding', 'chunked']), 'reset 1 | POST /p?'],
  'trailer: a Host': [trailing(['host', 'other.local']), '200 | POST /p'],
  'trailer: a pseudo-header field': [trailing([':path', '/hidden']), 'reset 1 | POST /p?'],
  'trailer: a request in a value': [trailing(['x', `a\r\n\r\n${HIDDEN}`]), DROPPED]
}
