/**
 * Memory in which outgoing frames are put together and masked 16 bytes at a time by WebAssembly's SIMD, some six times as fast as `mask.ts`.
 * Frames are copied into one place anyway; here that place is the memory of a module of 98 bytes, written out below. It never grows, so that
 * its buffer stays valid. Where there is no WebAssembly (`--jitless`, a limit on address space), `mask.ts` works on plain memory.
 */

import { applyMask } from './mask.ts'

export interface MaskMemory {
  /** All of it. */
  readonly bytes: Buffer
  /** XORs `from` (a multiple of 16) up to `to`, and up to 15 bytes behind it; the mask's first byte is in its lowest bits. */
  readonly mask: (from: number, to: number, mask: number) => void
}

const PAGE_BYTES = 65_536
const [I32, V128] = [0x7f, 0x7b]
const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

/** `mask(from, to, mask)`: for (; from < to; from += 16) memory[from] ^= splat(mask), as v128. */
const BODY = [
  [1, 1, V128], // one local: 3, the mask four times
  [0x20, 2, 0xfd, 0x11, 0x21, 3], // local.get 2, i32x4.splat, local.set 3
  [0x02, 0x40, 0x03, 0x40], // block, loop
  [0x20, 0, 0x20, 1, 0x4f, 0x0d, 1], // local.get 0, local.get 1, i32.ge_u, br_if the block
  [0x20, 0], // local.get 0: where to store
  [0x20, 0, 0xfd, 0x00, 4, 0], // local.get 0, v128.load, aligned to 2^4
  [0x20, 3, 0xfd, 0x51], // local.get 3, v128.xor
  [0xfd, 0x0b, 4, 0], // v128.store, aligned to 2^4
  [0x20, 0, 0x41, 16, 0x6a, 0x21, 0], // local.get 0, i32.const 16, i32.add, local.set 0
  [0x0c, 0, 0x0b, 0x0b, 0x0b] // br the loop, end, end, end
].flat()

const section = (id: number, bytes: readonly number[]): number[] => [id, bytes.length, ...bytes]
const name = (text: string): number[] => [text.length, ...Buffer.from(text)]

const moduleOf = (pages: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from([
    ...PREAMBLE,
    ...section(1, [1, 0x60, 3, I32, I32, I32, 0]), // one type: three numbers, no result
    ...section(3, [1, 0]), // one function, of that type
    ...section(5, [1, 1, pages, pages]), // one memory, of a fixed size
    ...section(7, [2, ...name('memory'), 2, 0, ...name('mask'), 0, 0]), // both are exported
    ...section(10, [1, BODY.length, ...BODY])
  ])

/** What is used of WebAssembly: the types of Node have only its name. */
interface WebAssemblyApi {
  Module: new (code: Uint8Array) => object
  Instance: new (module: object) => { exports: { memory: { buffer: ArrayBuffer }; mask: MaskMemory['mask'] } }
}

/** At least so many bytes, at most 127 pages of 64 KiB; undefined where it cannot be had. */
export function maskMemory(bytes: number): MaskMemory | undefined {
  const { WebAssembly: api } = globalThis as { WebAssembly?: WebAssemblyApi }
  if (api === undefined) return undefined
  try {
    const { memory, mask } = new api.Instance(new api.Module(moduleOf(Math.ceil(bytes / PAGE_BYTES)))).exports
    return { bytes: Buffer.from(memory.buffer), mask }
  } catch {
    return undefined
  }
}

/** The same without WebAssembly. */
export function plainMemory(size: number): MaskMemory {
  const bytes = Buffer.allocUnsafeSlow(size)
  return { bytes, mask: (from, to, mask) => applyMask(bytes.subarray(0, to), from, mask) }
}
