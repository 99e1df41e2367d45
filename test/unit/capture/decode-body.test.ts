import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../harness/feed.ts'
import { decodeBody } from '../../../src/capture/decode-body.ts'

const TEXT = Buffer.from('the quick brown fox '.repeat(400))
const PACKERS: [string, (bytes: Buffer) => Buffer][] = [
  ['gzip', bytes => gzipSync(bytes)],
  ['x-gzip', bytes => gzipSync(bytes)],
  ['deflate', bytes => deflateSync(bytes)],
  ['br', bytes => brotliCompressSync(bytes)],
  ['zstd', bytes => zstdCompressSync(bytes)]
]

describe('decodeBody', () => {
  it.each(PACKERS)('unpacks %s', (coding, pack) => {
    expect(decodeBody(pack(TEXT), coding)).toEqual({ bytes: TEXT })
  })

  it('unpacks a deflate without its wrapper, and codings on top of each other in their order', () => {
    expect(decodeBody(deflateRawSync(TEXT), 'Deflate')).toEqual({ bytes: TEXT })
    expect(decodeBody(brotliCompressSync(gzipSync(TEXT)), 'gzip, br')).toEqual({ bytes: TEXT })
    expect(decodeBody(TEXT, 'identity')).toEqual({ bytes: TEXT })
    expect(decodeBody(TEXT, undefined)).toEqual({ bytes: TEXT })
  })

  it.each(PACKERS)('gives what there is of a %s that was cut off, and says so unless it was kept in part', (coding, pack) => {
    const next = seeded(7)
    const random = Buffer.from(Array.from({ length: 20_000 }, () => Math.floor(next() * 256)))
    const cut = pack(random).subarray(0, 12_000)
    const decoded = decodeBody(cut, coding)
    expect(decoded.note).toContain('cut off')
    expect(random.subarray(0, decoded.bytes.length)).toEqual(decoded.bytes)
    expect(decodeBody(cut, coding, { truncated: true })).toEqual({ bytes: decoded.bytes })
  })

  it('says of broken bytes that they are broken', () => {
    expect(decodeBody(Buffer.from('no gzip at all'), 'gzip').note).toContain('gzip that is broken')
    const damaged = gzipSync(TEXT)
    damaged.fill(0xff, 10, 20) // a block of a kind that does not exist
    expect(decodeBody(damaged, 'gzip').note).toContain('broken')
  })

  it('stops at its limit when a small body unpacks to a huge one', () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1_048_576))
    const { bytes, note } = decodeBody(bomb, 'gzip')
    expect(note).toContain('more than 1 MiB')
    expect(bytes.length).toBeLessThanOrEqual(1_048_576)
  })

  it('leaves an unknown coding as it came, and counts no further than a few', () => {
    expect(decodeBody(TEXT, 'compress')).toEqual({ bytes: TEXT, note: expect.stringContaining('compress is unknown') })
    expect(decodeBody(TEXT, 'toString').note).toContain('unknown')
    expect(decodeBody(TEXT, 'gzip,gzip,gzip,gzip').note).toContain('4 times')
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('gzip', 'deflate', 'br', 'zstd', 'gzip, br', 'x'), (bytes, coding) => {
        expect(decodeBody(Buffer.from(bytes), coding).bytes).toBeInstanceOf(Buffer)
      })
    )
  })
})
