import { describe, expect, it } from 'vitest'
import { CONTROL_LINE_LIMIT, ControlDecoder, encodeControl, type ControlMessage } from '../../../src/tunnel/control-channel.ts'
import { feedEveryWay } from '../../harness/feed.ts'

const ALL: ControlMessage[] = [
  { type: 'drain' },
  { type: 'drained' },
  { type: 'weight', weight: 255 },
  { type: 'weighted' },
  { type: 'ping' },
  { type: 'pong' }
]

const decode = (...chunks: Buffer[]): ControlMessage[] => {
  const decoder = new ControlDecoder()
  return chunks.flatMap(chunk => decoder.push(chunk))
}

describe('control channel', () => {
  it('reads back every message, however the network cuts it', () => {
    feedEveryWay(Buffer.concat(ALL.map(encodeControl)), chunks => expect(decode(...chunks)).toEqual(ALL))
  })

  it('leaves out messages of a newer peer and keeps the ones around them', () => {
    expect(decode(Buffer.from('{"type":"hello","x":1}\n\n{"type":"drain","reason":"later"}\n'))).toEqual([{ type: 'drain' }])
  })

  it.each([
    ['CONTROL_JSON', 'GET / HTTP/1.1\r\n'],
    ['CONTROL_SHAPE', '[1]\n'],
    ['CONTROL_SHAPE', 'null\n'],
    ['CONTROL_WEIGHT', '{"type":"weight"}\n'],
    ['CONTROL_WEIGHT', '{"type":"weight","weight":0}\n'],
    ['CONTROL_WEIGHT', '{"type":"weight","weight":256}\n'],
    ['CONTROL_WEIGHT', '{"type":"weight","weight":1.5}\n']
  ])('refuses with %s: %s', (code, text) => {
    expect(() => decode(Buffer.from(text))).toThrow(expect.objectContaining({ name: 'ProtocolError', code }))
  })

  it('never holds more than the longest line', () => {
    const decoder = new ControlDecoder()
    decoder.push(Buffer.alloc(CONTROL_LINE_LIMIT, 0x20))
    expect(() => decoder.push(Buffer.from(' '))).toThrow(expect.objectContaining({ code: 'CONTROL_LINE_LENGTH' }))
  })
})
