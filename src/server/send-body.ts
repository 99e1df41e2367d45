/** The body of a request on its way to a connector: what was kept of it first, then what comes, as fast as the stream takes it. */
import { ProtocolError } from '../base/errors.ts'
import type { BareStream } from '../smux/types.ts'
import type { ByteReader } from './byte-reader.ts'
import { sendBounded } from './byte-writer.ts'
import type { Failure } from './http-outcome.ts'
import type { RequestBody } from './request-body.ts'
import type { Tap } from './tap.ts'

export interface SendBodyOptions {
  reader: ByteReader
  stream: BareStream
  tap: Tap | undefined
  /** Somebody else may be sending it by now. */
  over: () => boolean
  /** Bytes went on. */
  moved: () => void
}

/** `over`: the stream takes no more. */
export async function sendBody(body: RequestBody, options: SendBodyOptions): Promise<'sent' | 'over' | Failure> {
  const { reader, stream, tap, over, moved } = options
  const pass = async (bytes: Buffer, kept: boolean): Promise<boolean> => {
    tap?.requestBody(bytes)
    moved()
    const there = await sendBounded(stream, bytes, kept)
    moved()
    return there
  }
  // What an attempt before this one has read already.
  for (const bytes of body.kept?.slice() ?? []) if (!(await pass(bytes, true))) return 'over'
  while (!body.done) {
    try {
      const bytes = body.take()
      if (bytes !== undefined) {
        if (!(await pass(bytes, body.kept !== undefined))) return 'over'
      } else if (stream.destroyed) return 'over'
      else if (!(await reader.more())) return { why: 'visitor-left' }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return { why: 'bad-upload', detail: error.message }
    }
    if (over()) return 'over'
  }
  return 'sent'
}
