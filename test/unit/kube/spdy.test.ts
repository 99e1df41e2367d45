import { randomBytes } from 'node:crypto'
import { constants, inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../../src/base/errors.ts'
import {
  dataHeader,
  encodeGoaway,
  encodePing,
  encodeReset,
  MAX_CONTROL_BYTES,
  SpdyDecoder,
  SpdyEncoder,
  type SpdyFrame
} from '../../../src/kube/spdy.ts'
import { feedEveryWay } from '../../harness/feed.ts'

const data = (stream: number, payload: string, fin = false): Buffer =>
  Buffer.concat([dataHeader(stream, payload.length, fin), Buffer.from(payload)])

/** Frames with the pieces of data frames joined again, so that every cut gives the same. */
function decode(chunks: Buffer[]): unknown[] {
  const out: SpdyFrame[] = []
  const decoder = new SpdyDecoder(frame => {
    const last = out.at(-1)
    if (frame.type === 'data' && last?.type === 'data' && last.stream === frame.stream && !last.fin) {
      last.payload = Buffer.concat([last.payload, frame.payload])
      last.fin = frame.fin
    } else out.push({ ...frame })
  })
  for (const chunk of chunks) decoder.push(chunk)
  return out.map(frame => (frame.type === 'data' ? { ...frame, payload: frame.payload.toString() } : frame))
}

describe('SpdyDecoder', () => {
  test('reads the same frames however the bytes are cut', () => {
    const bytes = Buffer.concat([
      new SpdyEncoder().synReply(1),
      data(3, 'hello '),
      data(5, 'other'),
      data(3, 'world', true),
      encodePing(2),
      encodeReset(5, 5),
      data(7, '', true),
      encodeGoaway(7, 0)
    ])
    feedEveryWay(bytes, chunks => {
      expect(decode(chunks)).toEqual([
        { type: 'reply', stream: 1, fin: false },
        { type: 'data', stream: 3, payload: 'hello ', fin: false },
        { type: 'data', stream: 5, payload: 'other', fin: false },
        { type: 'data', stream: 3, payload: 'world', fin: true },
        { type: 'ping', id: 2 },
        { type: 'reset', stream: 5, status: 5 },
        { type: 'data', stream: 7, payload: '', fin: true },
        { type: 'goaway', lastStream: 7, status: 0 }
      ])
    })
  })

  test('reads what a containerd 1.6 answered when nobody listened (recorded)', () => {
    // 80 03 00 02: SYN_REPLY 7 with a compressed empty block; FIN of 7; error text and FIN on 5.
    const recorded = Buffer.concat([
      Buffer.from('80030002000000140000000778f9e3c6a7c2626060600000000', 'hex').subarray(0, 8),
      Buffer.from('0000000778f9e3c6a7c2626060600000ffff0000', 'hex'),
      Buffer.from('0000000701000000', 'hex'),
      data(5, 'refused'),
      Buffer.from('0000000501000000', 'hex')
    ])
    feedEveryWay(recorded, chunks => {
      expect(decode(chunks)).toEqual([
        { type: 'reply', stream: 7, fin: false },
        { type: 'data', stream: 7, payload: '', fin: true },
        { type: 'data', stream: 5, payload: 'refused', fin: true }
      ])
    })
  })

  test('hands on a large data frame piece by piece instead of holding it', () => {
    const sizes: number[] = []
    const decoder = new SpdyDecoder(frame => frame.type === 'data' && sizes.push(frame.payload.length))
    decoder.push(dataHeader(3, 1_000_000, false))
    for (let sent = 0; sent < 1_000_000; sent += 10_000) decoder.push(Buffer.alloc(10_000))
    expect(sizes).toHaveLength(100)
  })

  test('skips settings, headers and window updates', () => {
    const control = (type: number, length: number): Buffer => {
      const header = Buffer.from([0x80, 3, 0, type, 0, 0, 0, length])
      return Buffer.concat([header, Buffer.alloc(length, 1)])
    }
    expect(decode([control(4, 12), control(8, 30), control(9, 8), control(200, 3), encodePing(4)])).toEqual([{ type: 'ping', id: 4 }])
  })

  test.each([
    ['another version', Buffer.from('8002000600000004', 'hex'), 'SPDY_VERSION'],
    ['a control frame beyond the limit', Buffer.concat([Buffer.from('8003000200', 'hex'), Buffer.from([1, 0, 1])]), 'SPDY_TOO_LONG'],
    ['a reset without its status', Buffer.from('800300030000000400000001', 'hex'), 'SPDY_SHORT'],
    ['a stream opened by the server', Buffer.from('800300010000000400000001', 'hex'), 'SPDY_SYN']
  ])('refuses %s', (_name, bytes, code) => {
    feedEveryWay(bytes, chunks => {
      const decoder = new SpdyDecoder(() => {})
      const push = (): void => chunks.forEach(chunk => decoder.push(chunk))
      expect(push).toThrow(expect.objectContaining({ name: 'ProtocolError', code }))
    })
  })

  test('refuses a too long control frame before its body arrives', () => {
    const decoder = new SpdyDecoder(() => {})
    const header = Buffer.from('8003000200000000', 'hex')
    header.writeUIntBE(MAX_CONTROL_BYTES + 1, 5, 3)
    expect(() => decoder.push(header)).toThrow(ProtocolError)
  })

  test('never does anything but emit frames or throw a ProtocolError, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), chunks => {
        const decoder = new SpdyDecoder(() => {})
        try {
          for (const chunk of chunks) decoder.push(Buffer.from(chunk))
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { numRuns: 200 }
    )
  })
})

describe('SpdyEncoder', () => {
  test('writes header blocks that one zlib stream reads in order', () => {
    const encoder = new SpdyEncoder()
    const blocks = [
      encoder.synStream(
        1,
        [
          ['streamtype', 'error'],
          ['port', '80']
        ],
        true
      ),
      encoder.synStream(3, [['requestid', 'é'.repeat(400)]], false)
    ].map(frame => frame.subarray(18))
    const first = inflateSync(blocks[0] ?? Buffer.alloc(0), { finishFlush: constants.Z_SYNC_FLUSH })
    const both = inflateSync(Buffer.concat(blocks), { finishFlush: constants.Z_SYNC_FLUSH })
    expect(first.toString('latin1')).toBe('\0\0\0\x02\0\0\0\x0astreamtype\0\0\0\x05error\0\0\0\x04port\0\0\0\x0280')
    expect(both.subarray(first.length).toString('utf8', 21)).toBe('é'.repeat(400))
  })

  test('puts type, flags, length and stream where SPDY wants them', () => {
    const frame = new SpdyEncoder().synStream(5, [], true)
    expect(frame.subarray(0, 18).toString('hex')).toBe(`8003000101${(frame.length - 8).toString(16).padStart(6, '0')}00000005000000000000`)
    expect(dataHeader(9, 70_000, true).toString('hex')).toBe('0000000901011170')
  })

  test('data frames survive a round trip', () => {
    const payload = randomBytes(5_000)
    const got: Buffer[] = []
    const decoder = new SpdyDecoder(frame => frame.type === 'data' && got.push(frame.payload))
    decoder.push(dataHeader(3, payload.length, false))
    decoder.push(payload)
    expect(Buffer.concat(got).equals(payload)).toBe(true)
  })
})
