import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DatagramDecoder, encodeDatagram } from '../../../src/relay/datagram.ts'
import { feedEveryWay } from '../../harness/feed.ts'

describe('datagrams in a stream', () => {
  it('are found at every cut, the empty one too', () => {
    const datagrams = [Buffer.from('ping'), Buffer.alloc(0), Buffer.alloc(3_000, 7)]
    expect(encodeDatagram(datagrams[0] ?? Buffer.alloc(0)).toString('hex')).toBe('000470696e67')
    feedEveryWay(Buffer.concat(datagrams.map(encodeDatagram)), chunks => {
      const decoder = new DatagramDecoder()
      expect(chunks.flatMap(chunk => decoder.push(chunk))).toEqual(datagrams)
    })
  })

  it('are whatever the bytes say: no stream is wrong', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), chunks => {
        const decoder = new DatagramDecoder()
        const found = chunks.flatMap(chunk => decoder.push(Buffer.from(chunk)))
        const whole = Buffer.concat(chunks)
        expect(
          whole
            .subarray(
              0,
              found.reduce((sum, { length }) => sum + 2 + length, 0)
            )
            .equals(Buffer.concat(found.map(encodeDatagram)))
        ).toBe(true)
      })
    )
  })

  it('are refused when no length can say theirs', () =>
    expect(() => encodeDatagram(Buffer.alloc(65_536))).toThrow(expect.objectContaining({ code: 'RELAY_TOO_LONG' })))
})
