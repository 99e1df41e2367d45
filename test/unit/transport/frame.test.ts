import { createRequire } from 'node:module'
import type { Writable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBinaryFrame, type Masking } from '../../../src/transport/frame.ts'
import { type MaskMemory, maskMemory, plainMemory } from '../../../src/transport/mask-memory.ts'
import { applyMask, mask, unmask } from '../../../src/transport/mask.ts'

// Not in the types of the package.
const { Receiver } = createRequire(import.meta.url)('ws') as { Receiver: new (options: { isServer: boolean }) => Writable }

/** What the receiver of `ws` reads from the bytes. */
function received(bytes: Buffer, masking: Masking): Buffer[] {
  const receiver = new Receiver({ isServer: masking !== 'none' })
  const messages: Buffer[] = []
  receiver.on('message', (message: Buffer, isBinary: boolean) => {
    expect(isBinary).toBe(true)
    messages.push(message)
  })
  receiver.write(bytes)
  return messages
}

describe('encodeBinaryFrame', () => {
  const sizes = [0, 1, 3, 125, 126, 127, 4_095, 4_096, 4_097, 65_535, 65_536, 1_000_003]

  it.each(['none', 'zero', 'random'] as const)('is one message to ws at every length border, masking %s', masking => {
    for (const size of sizes) {
      const payload = Buffer.from(Array.from({ length: size }, (_, index) => index % 251))
      const cut = Math.floor(size / 3)
      const frame = encodeBinaryFrame([payload.subarray(0, cut), payload.subarray(cut)], masking)
      expect(received(Buffer.concat(frame), masking)).toEqual([payload])
    }
  })

  it('leaves the payload readable under a zero mask and hides it under a random one', () => {
    const secret = Buffer.from('GET / HTTP/1.1 this must not be seen by a proxy')
    expect(Buffer.concat(encodeBinaryFrame([secret], 'zero')).includes(secret)).toBe(true)
    expect(Buffer.concat(encodeBinaryFrame([secret], 'random')).includes(secret)).toBe(false)
  })

  it('takes another mask for every frame', () => {
    const masks = new Set(
      Array.from({ length: 3_000 }, () => Buffer.concat(encodeBinaryFrame([Buffer.from('x')], 'random')).readUInt32BE(2))
    )
    expect(masks.size).toBeGreaterThan(2_990)
  })

  it('copies a large payload only to mask it', () => {
    const payload = Buffer.alloc(100_000)
    expect(encodeBinaryFrame([payload], 'zero')[1]).toBe(payload)
    encodeBinaryFrame([payload], 'random')
    expect(payload.every(byte => byte === 0)).toBe(true)
  })
})

describe('memory for frames', () => {
  const wasm = maskMemory(327_680)

  it('is masked by WebAssembly here', () => {
    expect(wasm?.bytes.length).toBe(327_680)
  })

  it.each<[string, MaskMemory | undefined]>([
    ['WebAssembly', wasm],
    ['plain', plainMemory(327_680)]
  ])('of %s is masked as byte by byte, at every length', (_kind, memory) => {
    if (memory === undefined) throw new Error('no memory')
    const before = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 7) & 0xff))
    const key = Buffer.from([0x81, 0x42, 0xf3, 0x04])
    for (let from = 0; from <= 64; from += 16) {
      for (let to = from; to <= from + 100; to += 1) {
        memory.bytes.set(before)
        memory.mask(from, to, key.readInt32LE())
        const expected = before.map((byte, at) => (at >= from && at < to ? byte ^ (key[(at - from) & 3] ?? 0) : byte))
        expect(Buffer.compare(memory.bytes.subarray(0, to), expected.subarray(0, to))).toBe(0)
        expect(Buffer.compare(memory.bytes.subarray(to + 15, 400), expected.subarray(to + 15))).toBe(0)
      }
    }
    memory.bytes.fill(0)
    memory.mask(0, memory.bytes.length, -1)
    expect(memory.bytes.every(byte => byte === 0xff)).toBe(true)
  })

  it('holds frames that ws reads, one after the other', () => {
    for (const size of [1, 15, 16, 125, 126, 4_097, 65_536, 300_001]) {
      const payload = Buffer.from(Array.from({ length: size }, (_, index) => (index * size) & 0xff))
      const frame = encodeBinaryFrame([payload.subarray(0, size >> 1), payload.subarray(size >> 1)], 'random', () => wasm)
      expect(frame.map(({ buffer }) => buffer)).toEqual([wasm?.bytes.buffer])
      expect(received(Buffer.from(frame[0] ?? []), 'random')).toEqual([payload])
    }
  })
})

describe('mask', () => {
  const naive = (bytes: Uint8Array, key: Uint8Array): Buffer => Buffer.from(bytes.map((byte, index) => byte ^ (key[index & 3] ?? 0)))

  it('equals byte by byte at every length and alignment', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        fc.nat(7),
        fc.nat(7),
        (bytes, key, from, to) => {
          const expected = naive(bytes, key)
          const source = Buffer.alloc(bytes.length + from)
          source.set(bytes, from)
          const output = Buffer.alloc(bytes.length + to + 3, 0xee)
          mask(source.subarray(from), key, output, to, bytes.length)
          expect(output.subarray(to, to + bytes.length)).toEqual(expected)
          expect([...output.subarray(0, to), ...output.subarray(to + bytes.length)].every(byte => byte === 0xee)).toBe(true)
          const inPlace = source.subarray(from)
          unmask(inPlace, key)
          expect(Buffer.from(inPlace)).toEqual(expected)
        }
      ),
      { numRuns: 200, seed: 3 }
    )
  })

  it('masks from an offset on', () => {
    const bytes = Buffer.from([1, 2, 3, 4, 5, 6])
    applyMask(bytes, 5, 0x04030201)
    expect([...bytes]).toEqual([1, 2, 3, 4, 5, 7])
  })
})
