/** Writes with a bound on what waits in memory, and gives back what was lent. Resumes from write completion, never from `drain`. */
import type { Connection } from '../base/connection.ts'
import { giveBack, LENT_BYTES } from '../base/lent.ts'
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
    if (connection.copies === true && bytes.length >= LENT_BYTES) connection.write(bytes, error => written(bytes, error))
    else connection.write(bytes)
    return true
  }
  return new Promise(resolve => {
    const settle = (): void => {
      connection.off('close', settle)
      resolve(!connection.destroyed)
    }
    connection.once('close', settle)
    connection.write(bytes, error => {
      if (connection.copies === true) written(bytes, error)
      settle()
    })
  })
}

/** The same for a stream: true while little waits, else once what was written is on its way. `kept`: somebody may send the bytes again. */
export function sendBounded(stream: BareStream, bytes: Buffer, kept: boolean): Promise<boolean> | boolean {
  if (stream.destroyed) return false
  const lent = stream.copies && !kept && bytes.length >= LENT_BYTES
  if (stream.unsentBytes + bytes.length <= UNSENT_BYTES) {
    if (lent) stream.write(bytes, error => written(bytes, error))
    else stream.write(bytes)
    return true
  }
  return new Promise(resolve =>
    stream.write(bytes, error => {
      if (lent) written(bytes, error)
      resolve(!stream.destroyed)
    })
  )
}

/** The system has a copy of it now; nobody knows what it has of a write that failed. */
function written(bytes: Buffer, error: Error | null | undefined): void {
  if (error === undefined || error === null) giveBack(bytes)
}
