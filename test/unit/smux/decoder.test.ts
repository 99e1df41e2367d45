import { describe, expect, it } from 'vitest'
import { giveBack, lend, lendable, LENT_BYTES } from '../../../src/base/lent.ts'
import { FrameDecoder } from '../../../src/smux/decoder.ts'
import { FRAME, writeHeader } from '../../../src/smux/frame.ts'
import { feedEveryWay } from '../../harness/feed.ts'
import { RECORDINGS, recorded, vectorBytes } from '../../harness/vectors.ts'

type Seen = [event: string, ...numbers: (number | string)[]]

/** What a decoder reports, with the parts of one payload joined. */
function decode(chunks: Buffer[]): Seen[] {
  const seen: Seen[] = []
  const decoder = new FrameDecoder({
    onSyn: id => seen.push(['SYN', id]),
    onFin: id => seen.push(['FIN', id]),
    onNop: () => seen.push(['NOP']),
    onPayload: (id, bytes) => {
      const last = seen.at(-1)
      if (last?.[0] === 'PSH' && last[1] === id) last[2] += bytes.toString('hex')
      else seen.push(['PSH', id, bytes.toString('hex')])
    },
    onUpdate: (id, consumed, windowBytes) => seen.push(['UPD', id, consumed, windowBytes])
  })
  for (const chunk of chunks) decoder.push(chunk)
  return seen
}

const header = (command: number, id: number, length = 0): Buffer => {
  const bytes = Buffer.alloc(8)
  writeHeader(bytes, 0, { command, id, length })
  return bytes
}

describe('vectors', () => {
  it.each<[number, Seen[]]>([
    [30, [['SYN', 3]]],
    [31, [['PSH', 3, Buffer.from('hello').toString('hex')]]],
    [32, [['FIN', 3]]],
    [33, [['NOP']]],
    [34, [['UPD', 3, 4, 1_048_576]]],
    [35, [['UPD', 3, 524_292, 1_048_576]]],
    [36, [['UPD', 5, 0xffff_fff0, 65_536]]],
    [
      39,
      [
        ['SYN', 3],
        ['PSH', 3, vectorBytes(24).toString('hex')]
      ]
    ],
    [40, []],
    [43, [['PSH', 9, vectorBytes(41).toString('hex')]]]
  ])('reads vector %i', (number, events) => {
    expect(decode([vectorBytes(number)])).toEqual(events)
  })

  it.each([37, 38])('refuses smux v1 of vector %i', number => {
    expect(() => decode([vectorBytes(number)])).toThrow(expect.objectContaining({ code: 'SMUX_VERSION' }))
  })

  it.each<[number, { command: number; id: number; length: number }]>([
    [30, { command: FRAME.SYN, id: 3, length: 0 }],
    [32, { command: FRAME.FIN, id: 3, length: 0 }],
    [33, { command: FRAME.NOP, id: 0, length: 0 }],
    [40, { command: FRAME.PSH, id: 7, length: 0 }]
  ])('writes the header of vector %i', (number, { command, id, length }) => {
    expect(header(command, id, length)).toEqual(vectorBytes(number))
  })
})

describe('recordings', () => {
  it.each(RECORDINGS)('reads every frame of %s and writes its header again', name => {
    const frames = recorded(name).filter(({ ev }) => ev === 'mux')
    expect(frames.length).toBeGreaterThan(0)
    for (const { hex, cmd = '', sid = 0, len = 0, consumed, window } of frames) {
      const whole = hex.endsWith('…') ? Buffer.concat([Buffer.from(hex.slice(0, 16), 'hex'), Buffer.alloc(len)]) : Buffer.from(hex, 'hex')
      const [[event, ...values] = ['']] = decode([whole])
      if (cmd === 'UPD') expect([event, ...values]).toEqual(['UPD', sid, consumed, window])
      else if (cmd === 'NOP') expect(event).toBe('NOP')
      else if (len > 0 || cmd !== 'PSH') expect([event, values[0]]).toEqual([cmd, sid])
      expect(header(FRAME[cmd as keyof typeof FRAME], sid, len)).toEqual(whole.subarray(0, 8))
    }
  })

  it('reads a whole recorded direction however it is cut', () => {
    const bytes = Buffer.concat(
      recorded('ga-udp').flatMap(({ ev, hex }) => (ev === 'mux' && !hex.endsWith('…') ? [Buffer.from(hex, 'hex')] : []))
    )
    const expected = decode([bytes])
    expect(expected.length).toBeGreaterThan(5)
    feedEveryWay(bytes, chunks => expect(decode(chunks)).toEqual(expected))
  })
})

/** A decoder of which only the payload is of interest. */
function payloadInto(parts: Buffer[]): FrameDecoder {
  const ignore = (): void => {}
  return new FrameDecoder({ onSyn: ignore, onFin: ignore, onNop: ignore, onUpdate: ignore, onPayload: (_id, bytes) => parts.push(bytes) })
}

it('hands payload on before its frame is complete, as slices of what came', () => {
  const chunk = Buffer.concat([header(FRAME.PSH, 3, 1_000), Buffer.alloc(10, 1)])
  const parts: Buffer[] = []
  const decoder = payloadInto(parts)
  decoder.push(chunk)
  expect(parts.map(({ length }) => length)).toEqual([10])
  expect(parts[0]?.buffer).toBe(chunk.buffer)
})

it('ignores LENGTH of SYN, FIN and NOP and always reads 8 bytes of UPD, as xtaci/smux does', () => {
  const update = Buffer.concat([header(FRAME.UPD, 3, 0), vectorBytes(34).subarray(8)])
  const bytes = Buffer.concat([header(FRAME.SYN, 3, 9), header(FRAME.NOP, 0, 7), update, header(FRAME.FIN, 3, 5)])
  feedEveryWay(bytes, chunks => expect(decode(chunks)).toEqual([['SYN', 3], ['NOP'], ['UPD', 3, 4, 1_048_576], ['FIN', 3]]))
})

it('refuses an unknown command and reads nothing after it', () => {
  const decoder = new FrameDecoder({
    onSyn: () => expect.unreachable(),
    onFin: () => {},
    onNop: () => {},
    onUpdate: () => {},
    onPayload: () => {}
  })
  expect(() => decoder.push(header(5, 3))).toThrow(expect.objectContaining({ code: 'SMUX_COMMAND' }))
  decoder.push(header(FRAME.SYN, 3))
})

describe('lent memory', () => {
  /** Lent memory with these bytes, fed in parts; what the decoder passed on, and whether the memory has come back. */
  function feedLent(bytes: Buffer, cuts: number[]): { passed: Buffer[]; memory: Buffer; back: () => number } {
    let back = 0
    const memory = lendable(bytes.length, () => (back += 1))
    memory.set(bytes)
    lend(memory)
    const passed: Buffer[] = []
    const decoder = payloadInto(passed)
    for (const [index, at] of [0, ...cuts].entries()) decoder.push(memory.subarray(at, cuts[index]))
    return { passed, memory, back: () => back }
  }
  const frames = Buffer.concat([
    header(FRAME.SYN, 3),
    header(FRAME.PSH, 3, 200),
    Buffer.alloc(200, 1),
    header(FRAME.PSH, 5, 40_000),
    Buffer.alloc(40_000, 2),
    header(FRAME.PSH, 3, LENT_BYTES),
    Buffer.alloc(LENT_BYTES, 3)
  ])

  it.each([[[]], [[3]], [[12]], [[100, 300, 45_000]], [[216, 40_230]]])(
    'comes back when large payloads did; small ones are copies (cut at %j)',
    cuts => {
      const { passed, memory, back } = feedLent(frames, cuts)
      const [held, copied] = [passed.filter(part => part.buffer === memory.buffer), passed.filter(part => part.buffer !== memory.buffer)]
      expect(held.every(part => part.length >= LENT_BYTES)).toBe(true)
      expect(copied.every(part => part.length < LENT_BYTES)).toBe(true)
      expect(Buffer.concat(passed)).toEqual(Buffer.concat([Buffer.alloc(200, 1), Buffer.alloc(40_000, 2), Buffer.alloc(LENT_BYTES, 3)]))
      expect(held.length).toBeGreaterThan(0)
      for (const part of held) {
        expect(back()).toBe(0)
        giveBack(part)
      }
      expect(back()).toBe(1)
    }
  )

  it('is not held by frames without payload', () => {
    const { passed, back } = feedLent(Buffer.concat([header(FRAME.SYN, 3), header(FRAME.FIN, 3), header(FRAME.NOP, 0)]), [5, 11])
    expect([passed, back()]).toEqual([[], 1])
  })
})
