/**
 * smux v2 frames: constants and the header. Little-endian. Source: xtaci/smux v1.5.31 frame.go.
 *
 *   VER=2 | CMD | LENGTH u16 | STREAM ID u32 | payload (LENGTH bytes)      UPD payload: CONSUMED u32 | WINDOW u32
 */

export const SMUX_VERSION = 2
export const HEADER_BYTES = 8
export const UPDATE_BYTES = 8
export const FRAME = { SYN: 0, FIN: 1, PSH: 2, NOP: 3, UPD: 4 } as const

/** What a peer may send on a stream before our first window update, whatever we are configured for. */
export const INITIAL_WINDOW_BYTES = 262_144
/** Also what we send: a stock server takes what it gets for each frame by itself, and goes on faster with few large ones. */
export const MAX_FRAME_BYTES = 65_535
/** A stock gost peer reports what it consumed after its first read and then each time this much more was read (half of its 1 MiB window). */
export const STOCK_REPORT_BYTES = 524_288

export function writeHeader(target: Buffer, at: number, frame: { command: number; length: number; id: number }): void {
  target[at] = SMUX_VERSION
  target[at + 1] = frame.command
  target.writeUInt16LE(frame.length, at + 2)
  target.writeUInt32LE(frame.id, at + 4)
}
