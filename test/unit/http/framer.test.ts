import { describe, expect, it } from 'vitest'
import { BodyFramer } from '../../../src/http/framer.ts'
import { codeOf } from '../../harness/code-of.ts'
import { feedEveryWay } from '../../harness/feed.ts'

/** Feeds a framer until it is done; what follows the body. */
function drain(framer: BodyFramer, chunks: Buffer[]): { consumed: number; rest: string } {
  let consumed = 0
  let rest = ''
  for (const chunk of chunks) {
    const part = framer.push(chunk)
    expect(part.consumed + part.rest.length).toBe(chunk.length)
    expect(part.done).toBe(framer.done)
    consumed += part.consumed
    rest += part.rest.toString('latin1')
  }
  return { consumed, rest }
}

describe('BodyFramer', () => {
  it('counts a body of known length and leaves what follows', () => {
    feedEveryWay(Buffer.from('0123456789GET /'), chunks => {
      const framer = new BodyFramer({ kind: 'length', length: 10 })
      expect(drain(framer, chunks)).toEqual({ consumed: 10, rest: 'GET /' })
      expect(framer).toMatchObject({ done: true, payloadBytes: 10, remaining: 0 })
    })
  })

  it('is done at once without a body', () => {
    for (const framing of [{ kind: 'none' }, { kind: 'length', length: 0 }] as const) {
      const framer = new BodyFramer(framing)
      expect(framer.done).toBe(true)
      expect(framer.push(Buffer.from('next'))).toMatchObject({ consumed: 0, done: true, rest: Buffer.from('next') })
    }
  })

  it('takes everything of a body that ends with the connection', () => {
    for (const kind of ['close', 'tunnel'] as const) {
      const framer = new BodyFramer({ kind })
      expect(drain(framer, [Buffer.from('a'), Buffer.from('bc')])).toEqual({ consumed: 3, rest: '' })
      expect(framer.done).toBe(false)
    }
  })

  it('follows chunks, extensions and trailers however they are cut', () => {
    const body =
      '5\r\nhello\r\n00A;name="v";x\r\n0123456789\r\n1;y\r\nz\r\n0\r\nTrailer: a\r\nB:\r\nX-Host: c:d\r\nContent-Length-Of-It: 1\r\n\r\n'
    feedEveryWay(Buffer.from(`${body}GET /`), chunks => {
      const framer = new BodyFramer({ kind: 'chunked' })
      expect(drain(framer, chunks)).toEqual({ consumed: body.length, rest: 'GET /' })
      expect(framer.payloadBytes).toBe(16)
    })
  })

  it.each([
    ['a chunk longer than its size', '3\r\nabcd\r\n', 'HTTP_CHUNK'],
    ['a missing size', '\r\n', 'HTTP_CHUNK'],
    ['a size with a sign', '+3\r\nabc\r\n', 'HTTP_CHUNK'],
    ['a size with 0x', '0x3\r\nabc\r\n', 'HTTP_CHUNK'],
    ['a negative size', '-1\r\n', 'HTTP_CHUNK'],
    ['a size with an underscore', '1_0\r\n', 'HTTP_CHUNK'],
    ['a blank after the size', '3 \r\nabc\r\n', 'HTTP_CHUNK'],
    ['a blank before the size', ' 3\r\nabc\r\n', 'HTTP_CHUNK'],
    ['a size of too many digits', '00000000000003\r\nabc', 'HTTP_CHUNK'],
    ['a bare LF after the size', '3\nabc\r\n', 'HTTP_CHUNK'],
    ['a bare LF in an extension', '3;a\nabc\r\n', 'HTTP_CHUNK'],
    ['a bare CR in an extension', '3;a\rb\r\nabc\r\n', 'HTTP_CHUNK'],
    ['a bare LF after the chunk', '3\r\nabc\n', 'HTTP_CHUNK'],
    ['an endless extension', `3;${'x'.repeat(5_000)}`, 'HTTP_CHUNK'],
    ['a bare LF after a trailer', '0\r\nA: b\n\r\n', 'HTTP_TRAILER'],
    ['a trailer without a name', '0\r\n: b\r\n\r\n', 'HTTP_TRAILER'],
    ['a trailer without a colon', '0\r\nA\r\n\r\n', 'HTTP_TRAILER'],
    ['a blank before the colon of a trailer', '0\r\nA : b\r\n\r\n', 'HTTP_TRAILER'],
    ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n', 'HTTP_TRAILER'],
    ['a length for a trailer', '0\r\nContent-Length: 3\r\n\r\n', 'HTTP_TRAILER'],
    ['a coding for a trailer', '0\r\nA: b\r\ntransfer-encoding: chunked\r\n\r\n', 'HTTP_TRAILER'],
    ['a Host for a trailer', '0\r\nHOST: c\r\n\r\n', 'HTTP_TRAILER'],
    ['NUL in a trailer', '0\r\nA: \0\r\n\r\n', 'HTTP_TRAILER'],
    ['endless trailers', `0\r\n${'A: b\r\n'.repeat(12_000)}`, 'HTTP_TRAILER']
  ])('refuses %s however it is cut', (_what, text, code) => {
    feedEveryWay(
      Buffer.from(text),
      chunks => {
        const framer = new BodyFramer({ kind: 'chunked' })
        expect(codeOf(() => chunks.forEach(chunk => framer.push(chunk)))).toBe(code)
      },
      10
    )
  })

  it('copies nothing: the rest is a view of the chunk', () => {
    const chunk = Buffer.from('3\r\nabc\r\n0\r\n\r\nrest')
    const { rest } = new BodyFramer({ kind: 'chunked' }).push(chunk)
    expect(rest.buffer).toBe(chunk.buffer)
  })
})
