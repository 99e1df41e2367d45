import { describe, expect, it } from 'vitest'
import { eventually } from '../../harness/eventually.ts'
import { HOST, startWorld } from './world.ts'

const head = `Host: ${HOST}\r\n`
/** A request that must never be taken for one of its own. */
const HIDDEN = `GET /hidden HTTP/1.1\r\n${head}\r\n`

/** Shapes on which two servers in a row have disagreed: each must be refused, and what hides behind it must reach nobody. */
const CORPUS: Record<string, string> = {
  'CL.TE': `POST / HTTP/1.1\r\n${head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE.CL': `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${HIDDEN}\r\n0\r\n\r\n`,
  'two lengths': `POST / HTTP/1.1\r\n${head}Content-Length: 0\r\nContent-Length: 40\r\n\r\n${HIDDEN}`,
  'a list of lengths': `POST / HTTP/1.1\r\n${head}Content-Length: 0, 40\r\n\r\n${HIDDEN}`,
  'equal lengths': `POST / HTTP/1.1\r\n${head}Content-Length: 0\r\nContent-Length: 0\r\n\r\n${HIDDEN}`,
  'a signed length': `POST / HTTP/1.1\r\n${head}Content-Length: +0\r\n\r\n${HIDDEN}`,
  'a negative length': `POST / HTTP/1.1\r\n${head}Content-Length: -1\r\n\r\n${HIDDEN}`,
  'a hexadecimal length': `POST / HTTP/1.1\r\n${head}Content-Length: 0x0\r\n\r\n${HIDDEN}`,
  'an empty length': `POST / HTTP/1.1\r\n${head}Content-Length:\r\n\r\n${HIDDEN}`,
  'TE identity': `POST / HTTP/1.1\r\n${head}Transfer-Encoding: identity\r\n\r\n${HIDDEN}`,
  'TE xchunked': `POST / HTTP/1.1\r\n${head}Transfer-Encoding: xchunked\r\n\r\n${HIDDEN}`,
  'TE chunked, identity': `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked, identity\r\n\r\n${HIDDEN}`,
  'TE twice': `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE with a blank before the colon': `POST / HTTP/1.1\r\n${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE folded': `POST / HTTP/1.1\r\n${head}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE with a vertical tab': `POST / HTTP/1.1\r\n${head}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE in HTTP/1.0': `POST / HTTP/1.0\r\n${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'a bare LF between headers': `POST / HTTP/1.1\r\n${head}X: y\nContent-Length: 40\r\n\r\n${HIDDEN}`,
  'a bare LF at the end of the head': `GET / HTTP/1.1\r\n${head}\n${HIDDEN}`,
  'a bare CR in a value': `GET / HTTP/1.1\r\n${head}X: a\rContent-Length: 40\r\n\r\n${HIDDEN}`,
  'a NUL in a value': `GET / HTTP/1.1\r\n${head}X: a\0b\r\n\r\n${HIDDEN}`,
  'a folded first header': `GET / HTTP/1.1\r\n Host: other\r\n${head}\r\n${HIDDEN}`,
  'a header without a colon': `GET / HTTP/1.1\r\n${head}nonsense\r\n\r\n${HIDDEN}`,
  'a header without a name': `GET / HTTP/1.1\r\n${head}: v\r\n\r\n${HIDDEN}`,
  'two hosts': `GET / HTTP/1.1\r\n${head}Host: other\r\n\r\n${HIDDEN}`,
  'no host': `GET / HTTP/1.1\r\n\r\n${HIDDEN}`,
  'a target with a blank': `GET /a b HTTP/1.1\r\n${head}\r\n${HIDDEN}`,
  'a third word': `GET / HTTP/1.1 x\r\n${head}\r\n${HIDDEN}`,
  'no version': `GET /\r\n${head}\r\n${HIDDEN}`,
  'a later version': `GET / HTTP/1.2\r\n${head}\r\n${HIDDEN}`,
  CONNECT: `CONNECT ${HOST}:80 HTTP/1.1\r\n${head}\r\n${HIDDEN}`
}

/** Bodies that break after a good head: the app may see the request, but never what hides behind it. */
const BROKEN_CHUNKS: Record<string, string> = {
  'a size that is too large': 'ffffffffffffffffff\r\n',
  'a signed size': '+0\r\n\r\n',
  'a size with 0x': '0x0\r\n\r\n',
  'an empty size': '\r\n\r\n',
  'a bare LF after the size': `0\n\n${HIDDEN}`,
  'a chunk longer than its size': `1\r\nab\r\n0\r\n\r\n${HIDDEN}`,
  'a bare LF after a chunk': `1\r\na\n0\r\n\r\n${HIDDEN}`,
  'an extension with a bare LF': `0;\n\r\n\r\n${HIDDEN}`,
  'an endless extension': `1;${'x'.repeat(10_000)}`
}

describe('requests that two servers could read differently', () => {
  it.each(Object.entries(CORPUS))('refuses %s, and what follows it', async (_name, bytes) => {
    await using world = await startWorld()
    const visitor = await world.raw(bytes)
    await eventually(() => expect(visitor.ended).toBe(true))
    expect(visitor.text).toMatch(/^HTTP\/1\.1 (?:400|405|505) [^\r\n]+\r\n[^]*Connection: close\r\n/)
    expect(visitor.text.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(world.apps[0]?.counts.connections).toBe(0)
    expect((await world.visit('/')).status).toBe(200)
  })

  it.each(Object.entries(BROKEN_CHUNKS))('cuts a body with %s', async (_name, body) => {
    await using world = await startWorld()
    const visitor = await world.raw(`POST /upload HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n${body}`)
    await eventually(() => expect(visitor.ended || visitor.closed).toBe(true))
    expect(visitor.text).toMatch(/^HTTP\/1\.1 400 /)
    expect(world.apps[0]?.seen.filter(({ path }) => path === '/hidden')).toEqual([])
    expect((await world.visit('/')).status).toBe(200)
  })

  it('ignores empty lines before a request, as RFC 9112 §2.2 has it', async () => {
    await using world = await startWorld()
    const visitor = await world.raw(`\r\n\r\nPOST /upload HTTP/1.1\r\n${head}Content-Length: 2\r\nConnection: close\r\n\r\nab`)
    await eventually(() => expect(visitor.ended).toBe(true))
    expect(visitor.text).toMatch(/^HTTP\/1\.1 200 /)
  })
})
