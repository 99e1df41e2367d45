import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { encodeBinaryFrame, encodeControlFrame, type Masking } from '../../../src/transport/frame.ts'
import { FrameReader, OPCODE } from '../../../src/transport/frame-reader.ts'
import { feedEveryWay, seeded } from '../../harness/feed.ts'

// Not in the types of the package.
const { Sender } = createRequire(import.meta.url)('ws') as {
  Sender: { frame(data: Buffer, options: { fin: boolean; opcode: number; mask: boolean; rsv1: boolean; readOnly: boolean }): Buffer[] }
}

interface Seen {
  payload: Buffer
  control: [opcode: number, payload: string][]
}

function read(chunks: Buffer[], masked: boolean, maxMessageBytes = 1_048_576): Seen {
  const parts: Buffer[] = []
  const control: Seen['control'] = []
  const reader = new FrameReader({
    masked,
    maxMessageBytes,
    onPayload: bytes => {
      expect(bytes.length).toBeGreaterThan(0)
      parts.push(Buffer.from(bytes))
    },
    onControl: (opcode, payload) => control.push([opcode, payload.toString('latin1')])
  })
  // Unmasked in place: what is fed may be fed again.
  for (const chunk of chunks) reader.push(Buffer.from(chunk))
  return { payload: Buffer.concat(parts), control }
}

const byWs = (data: Buffer, opcode: number, { fin = true, mask = false } = {}): Buffer =>
  Buffer.concat(Sender.frame(Buffer.from(data), { fin, opcode, mask, rsv1: false, readOnly: false }))

const filled = (length: number, seed: number): Buffer => {
  const random = seeded(seed)
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))
}

describe('the frame reader', () => {
  it.each([false, true])('reads what ws sends at every length border, fragments and control frames in between, masked: %s', mask => {
    const sizes = [0, 1, 125, 126, 127, 5_000]
    const bodies = sizes.map(filled)
    const bytes = Buffer.concat([
      ...bodies.map(body => byWs(body, OPCODE.BINARY, { mask })),
      byWs(Buffer.from('part'), OPCODE.TEXT, { fin: false, mask }),
      byWs(Buffer.from('are you there'), OPCODE.PING, { mask }),
      byWs(Buffer.alloc(0), OPCODE.CONTINUATION, { fin: false, mask }),
      byWs(Buffer.alloc(0), OPCODE.PONG, { mask }),
      byWs(Buffer.from(' and rest'), OPCODE.CONTINUATION, { mask }),
      byWs(Buffer.from([3, 232]), OPCODE.CLOSE, { mask })
    ])
    const expected: Seen = {
      payload: Buffer.concat([...bodies, Buffer.from('part and rest')]),
      control: [
        [OPCODE.PING, 'are you there'],
        [OPCODE.PONG, ''],
        [OPCODE.CLOSE, '\x03\xe8']
      ]
    }
    feedEveryWay(bytes, chunks => expect(read(chunks, mask)).toEqual(expected))
  })

  it.each(['none', 'zero', 'random'] as const)('reads our own frames, masking %s', (masking: Masking) => {
    const body = filled(70_000, 7)
    const bytes = Buffer.concat([
      ...encodeBinaryFrame([body.subarray(0, 66_001), body.subarray(66_001)], masking),
      encodeControlFrame(OPCODE.PING, Buffer.from('17'), masking)
    ])
    const expected: Seen = { payload: body, control: [[OPCODE.PING, '17']] }
    feedEveryWay(bytes, chunks => expect(read(chunks, masking !== 'none')).toEqual(expected), 20)
  })

  it('hands payload on before its frame is complete', () => {
    const frame = byWs(filled(10_000, 1), OPCODE.BINARY)
    expect(read([frame.subarray(0, 5_000)], false).payload.length).toBe(5_000 - 4)
  })

  it.each<[string, Buffer, boolean]>([
    ['a reserved bit', Buffer.from([0xc2, 1, 0]), false],
    ['an unknown data type', Buffer.from([0x83, 1, 0]), false],
    ['an unknown control type', Buffer.from([0x8b, 0]), false],
    ['a control frame in parts', Buffer.from([0x09, 0]), false],
    ['a control frame beyond its limit', Buffer.from([0x89, 126, 0, 126]), false],
    ['a continuation of nothing', Buffer.from([0x80, 1, 0]), false],
    ['a message within a message', Buffer.from([0x02, 0, 0x82, 0]), false],
    ['a mask from a server', Buffer.from([0x82, 0x81, 0, 0, 0, 0, 0]), false],
    ['no mask from a client', Buffer.from([0x82, 1, 0]), true],
    ['a message beyond the limit', Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 1]), false],
    ['a length beyond 2^53', Buffer.from([0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 1]), false],
    [
      'fragments beyond the limit',
      Buffer.concat([Buffer.from([0x02, 126, 0xff, 0xff]), Buffer.alloc(0xffff), Buffer.from([0x80, 1])]),
      false
    ]
  ])('refuses %s', (_what, bytes, masked) => {
    const limit = bytes.length > 65_000 ? 65_535 : 1_048_576
    feedEveryWay(bytes, chunks => expect(() => read(chunks, masked, limit)).toThrow(expect.objectContaining({ code: 'WS_FRAME' })), 5)
  })

  it('reads nothing after a frame that it refused', () => {
    const seen: string[] = []
    const reader = new FrameReader({
      masked: false,
      maxMessageBytes: 100,
      onPayload: bytes => seen.push(bytes.toString()),
      onControl: () => {}
    })
    expect(() => reader.push(Buffer.from([0xc2, 1, 0]))).toThrow('reserved bit')
    reader.push(byWs(Buffer.from('late'), OPCODE.BINARY))
    expect(seen).toEqual([])
  })
})
