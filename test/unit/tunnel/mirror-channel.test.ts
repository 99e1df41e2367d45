import { describe, expect, it } from 'vitest'
import {
  COPY_REQUEST_LIMIT,
  COPY_RESPONSE_LIMIT,
  copyLine,
  encodeDropped,
  MirrorDecoder,
  type MirrorMessage
} from '../../../src/tunnel/mirror-channel.ts'
import { feedEveryWay, seeded } from '../../harness/feed.ts'

const decode = (...chunks: Buffer[]): MirrorMessage[] => {
  const decoder = new MirrorDecoder()
  return chunks.flatMap(chunk => decoder.push(chunk))
}

describe('mirror channel', () => {
  it('reads back every message, however the network cuts it', () => {
    const request = Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\n\n')
    const response = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\n')
    const facts = { source: '10.1.2.3:4567', ms: 12, by: 'bob@two', agent: true, whole: 100_000 }
    const bytes = Buffer.concat([
      encodeDropped({ slow: 3, large: 1 }),
      Buffer.from(copyLine(facts, request.length, response.length)),
      request,
      response,
      Buffer.from(copyLine({ source: '[::1]:80', ms: 0 }, 1, 0)),
      Buffer.from('x'),
      encodeDropped({ slow: 0, large: 2 })
    ])
    feedEveryWay(bytes, chunks =>
      expect(decode(...chunks)).toEqual([
        { type: 'dropped', slow: 3, large: 1 },
        { type: 'copy', ...facts, request, response },
        { type: 'copy', source: '[::1]:80', ms: 0, request: Buffer.from('x'), response: Buffer.alloc(0) },
        { type: 'dropped', slow: 0, large: 2 }
      ])
    )
  })

  it('keeps its own bytes: what it was fed may be overwritten', () => {
    const decoder = new MirrorDecoder()
    const bytes = Buffer.concat([Buffer.from(copyLine({ source: 'a:1', ms: 1 }, 4, 0)), Buffer.from('ab')])
    expect(decoder.push(bytes)).toEqual([])
    bytes.fill(0)
    expect(decoder.push(Buffer.from('cd'))).toMatchObject([{ request: Buffer.from('abcd') }])
  })

  it('leaves out messages of a newer peer', () => {
    expect(decode(Buffer.from('{"type":"tomorrow"}\n{"type":"dropped","slow":1,"large":0}\n'))).toHaveLength(1)
  })

  const copy = (fields: object): string => `${JSON.stringify({ type: 'copy', source: 'a:1', ms: 1, request: 0, response: 0, ...fields })}\n`
  it.each([
    ['MIRROR_JSON', 'GET / HTTP/1.1\r\n'],
    ['MIRROR_SHAPE', '7\n'],
    ['MIRROR_LINE_LENGTH', 'x'.repeat(2_048)],
    ['MIRROR_FIELD', copy({ source: 7 })],
    ['MIRROR_FIELD', copy({ source: 'x'.repeat(257) })],
    ['MIRROR_FIELD', copy({ ms: -1 })],
    ['MIRROR_FIELD', copy({ whole: -1 })],
    ['MIRROR_FIELD', copy({ request: 1.5 })],
    ['MIRROR_FIELD', copy({ response: '7' })],
    ['MIRROR_LENGTH', copy({ request: COPY_REQUEST_LIMIT + 1 })],
    ['MIRROR_LENGTH', copy({ response: COPY_RESPONSE_LIMIT + 1 })]
  ])('refuses with %s what is not ours', (code, text) => {
    expect(() => decode(Buffer.from(text))).toThrow(expect.objectContaining({ name: 'ProtocolError', code }))
  })

  it('ends on any garbage with messages or a protocol error', () => {
    const random = seeded(4)
    const valid = Buffer.concat([
      Buffer.from(copyLine({ source: 'a:1', ms: 1 }, 3, 2)),
      Buffer.from('abcde'),
      encodeDropped({ slow: 1, large: 1 })
    ])
    for (let n = 0; n < 2_000; n += 1) {
      const bytes = Buffer.from(valid)
      for (let flips = 0; flips < 3; flips += 1) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
      try {
        expect(decode(bytes).length).toBeLessThanOrEqual(2)
      } catch (error) {
        expect(error).toMatchObject({ name: 'ProtocolError' })
      }
    }
  })
})
