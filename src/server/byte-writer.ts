/** Writes with a bound on what waits in memory. Resumes from write completion, never from `drain`. */
import type { Connection } from '../base/connection.ts'
import type { BareStream } from '../smux/types.ts'

const UNSENT_BYTES = 131_072

/** True once there is room for more; false when the connection cannot take it any longer. What is written within a tick leaves together. */
export function writeBounded(connection: Connection, bytes: Buffer): Promise<boolean> | boolean {
  if (connection.destroyed || connection.writableEnded) return false
  if (connection.writableLength === 0) {
    connection.cork()
    process.nextTick(() => connection.uncork())
  }
  if (connection.writableLength + bytes.length <= UNSENT_BYTES) {
    connection.write(bytes)
    return true
  }
  return new Promise(resolve => {
    const settle = (): void => {
      connection.off('close', settle)
      resolve(!connection.destroyed)
    }
    connection.once('close', settle)
    connection.write(bytes, settle)
  })
}

/** The same for a stream: true while little waits, else once what was written is on its way. */
export function sendBounded(stream: BareStream, bytes: Buffer): Promise<boolean> | boolean {
  if (stream.destroyed) return false
  if (stream.unsentBytes + bytes.length <= UNSENT_BYTES) {
    stream.write(bytes)
    return true
  }
  return new Promise(resolve => stream.write(bytes, () => resolve(!stream.destroyed)))
}
