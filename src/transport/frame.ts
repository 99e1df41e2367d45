/**
 * WebSocket data frames going out (RFC 6455 §5.2): one unfragmented binary message per write. Masking works on 32-bit words and copies in
 * the same pass. What comes in: `frame-reader.ts`.
 */
import { randomFillSync } from 'node:crypto'
import { applyMask } from './mask.ts'
import type { MaskMemory } from './mask-memory.ts'

/** `none`: server to client. `zero`: client on a hop that nobody can read in clear. `random`: every other client. */
export type Masking = 'none' | 'zero' | 'random'

/** Frames up to this size travel as one buffer; above it the payload of an unmasked frame is not copied. */
const JOIN_BYTES = 4_096
/** The payload begins here, on a boundary of 16 bytes, with the header right before it. */
const HEADER_SPACE = 16

const pool = Buffer.allocUnsafeSlow(4_096)
let poolAt = pool.length

/** A mask that nobody can predict (RFC 6455 §10.3), never zero. */
function randomMask(): number {
  if (poolAt === pool.length) {
    randomFillSync(pool)
    poolAt = 0
  }
  const mask = pool.readInt32LE(poolAt)
  poolAt += 4
  return mask === 0 ? randomMask() : mask
}

/** Memory of at least so many bytes in which a frame is put together; undefined: fresh memory will do. */
export type Space = (bytes: number) => MaskMemory | undefined

/** The frame of one binary message made of `chunks`, as buffers to write in this order. */
export function encodeBinaryFrame(chunks: readonly Buffer[], masking: Masking, space?: Space): Buffer[] {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  const mask = masking === 'random' ? randomMask() : 0
  if (masking !== 'random' && length > JOIN_BYTES) {
    const header = Buffer.allocUnsafe(HEADER_SPACE)
    return [header.subarray(writeHeader(header, length, { masking, mask })), ...chunks]
  }
  const end = HEADER_SPACE + length
  const memory = space?.(end)
  const out = memory?.bytes ?? Buffer.allocUnsafe(end)
  const start = writeHeader(out, length, { masking, mask })
  let at = HEADER_SPACE
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  if (mask !== 0 && memory !== undefined) memory.mask(HEADER_SPACE, end, mask)
  else if (mask !== 0) applyMask(out, HEADER_SPACE, mask)
  return [out.subarray(start, end)]
}

/** A frame of control (ping, pong, close), at most 125 bytes of payload. */
export function encodeControlFrame(opcode: number, payload: Uint8Array, masking: Masking): Buffer {
  const out = Buffer.allocUnsafe(HEADER_SPACE + payload.length)
  const mask = masking === 'random' ? randomMask() : 0
  const start = writeHeader(out, payload.length, { masking, mask })
  out[start] = 0x80 | opcode
  out.set(payload, HEADER_SPACE)
  if (mask !== 0) applyMask(out, HEADER_SPACE, mask)
  return out.subarray(start)
}

/** Writes the header so that it ends at HEADER_SPACE; returns where it begins. */
function writeHeader(out: Buffer, length: number, { masking, mask }: { masking: Masking; mask: number }): number {
  const maskBytes = masking === 'none' ? 0 : 4
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8
  const start = HEADER_SPACE - maskBytes - lengthBytes - 2
  out[start] = 0x82
  out[start + 1] = (maskBytes === 0 ? 0 : 0x80) | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (lengthBytes === 2) out.writeUInt16BE(length, start + 2)
  else if (lengthBytes === 8) out.writeBigUInt64BE(BigInt(length), start + 2)
  if (maskBytes === 4) out.writeInt32LE(mask, HEADER_SPACE - 4)
  return start
}
