import { describe, expect, it } from 'vitest'
import { Slab } from '../../../src/capture/slab.ts'

describe('Slab', () => {
  it('cuts small pieces from one page, none over another', () => {
    const slab = new Slab()
    const pieces = Array.from({ length: 1_000 }, (_, at) => slab.take(100).fill(at & 255))
    expect(pieces.every((piece, at) => piece.length === 100 && piece.every(byte => byte === (at & 255)))).toBe(true)
    expect(new Set(pieces.map(piece => piece.buffer)).size).toBe(2)
  })

  it('gives large pieces memory of their own, and shares none with Node', () => {
    const slab = new Slab()
    expect(slab.take(10_000).buffer.byteLength).toBe(10_000)
    expect(slab.take(1).buffer).not.toBe(Buffer.from('a').buffer)
  })
})
