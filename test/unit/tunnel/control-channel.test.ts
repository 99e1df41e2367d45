import { describe, expect, it } from 'vitest'
import { CONTROL_LINE_LIMIT, ControlDecoder, encodeControl, type ControlMessage } from '../../../src/tunnel/control-channel.ts'
import { feedEveryWay } from '../../harness/feed.ts'

const ALL: ControlMessage[] = [
  { type: 'hello', kind: 'agent', who: 'ada@mill', filter: 'header.x-user:ä', join: true, mirror: 0.25 },
  { type: 'hello', kind: 'sidecar' },
  { type: 'welcome', server: 'proxy-7d4' },
  { type: 'welcome', server: 'proxy-7d4', hosts: ['nginx.local', '*.shop.example'] },
  { type: 'refused', to: 'filter', why: 'bob@mill has it' },
  { type: 'refused', to: 'hello', why: 'no copies', because: 'policy' },
  { type: 'filter', filter: '' },
  { type: 'filtered' },
  { type: 'declined', stream: 4_294_967_295 },
  { type: 'health', up: false },
  { type: 'leaving' },
  { type: 'drain' },
  { type: 'drained' },
  {
    type: 'drained',
    others: [
      { kind: 'sidecar', who: 'nginx-1', weight: 1 },
      { kind: 'gost', weight: 255 }
    ]
  },
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
    expect(decode(Buffer.from('{"type":"tomorrow","x":1}\n\n{"type":"drain","reason":"later"}\n'))).toEqual([{ type: 'drain' }])
  })

  it.each([
    ['CONTROL_JSON', 'GET / HTTP/1.1\r\n'],
    ['CONTROL_SHAPE', '[1]\n'],
    ['CONTROL_SHAPE', 'null\n'],
    ['CONTROL_FIELD', '{"type":"hello","who":7}\n'],
    ['CONTROL_FIELD', `{"type":"hello","who":"${'x'.repeat(257)}"}\n`],
    ['CONTROL_FIELD', '{"type":"hello","mirror":2}\n'],
    ['CONTROL_FIELD', '{"type":"declined","stream":0}\n'],
    ['CONTROL_WEIGHT', '{"type":"drained","others":[{}]}\n'],
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
