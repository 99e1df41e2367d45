/** What an app answers to a gRPC call → the visitor's stream, in its order: interim responses, head, messages, trailers. */
import { type ClientHttp2Stream, constants, type Http2Stream, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { AS_SAID, grouped } from './http2-options.ts'

/**
 * `whole`: the visitor has all. `unanswered`: not even a head came, and the visitor was told nothing. `cut`: how it ends is not told yet. `left`: the
 * visitor reset its stream.
 */
export type AnswerEnd = 'whole' | 'unanswered' | 'cut' | 'left'

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_FLAG_END_STREAM } = constants
const UNSENT_BYTES = 131_072

/** Resolves when the app's side is over; for `whole` and `left` when the visitor's is too. */
export function answerWith(stream: ServerHttp2Stream, call: ClientHttp2Stream): Promise<AnswerEnd> {
  let trailers: OutgoingHttpHeaders | undefined
  let ended = false
  let cut = false
  let told = false
  call.on('headers', (_headers: object, _flags: number, raw: readonly string[]) => {
    if (stream.destroyed) return
    told = true
    orElse(
      () => stream.additionalHeaders(fieldsOf(raw)),
      () => {} // nobody has to rely on one
    )
  })
  call.once('response', (_headers: object, flags: number, raw: readonly string[]) => {
    if (stream.destroyed || stream.headersSent) {
      call.resume() // unread, it would never be over
      return
    }
    const endStream = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
    const said = orElse(
      () => stream.respond(fieldsOf(raw), { endStream, waitForTrailers: !endStream, ...AS_SAID }),
      () => call.resume().close(NGHTTP2_PROTOCOL_ERROR)
    )
    cut = !said
    ended = endStream
    if (endStream || !said) return
    stream.once('wantTrailers', () => {
      if (cut) return
      orElse(
        () => stream.sendTrailers(trailers ?? {}),
        () => stream.close(NGHTTP2_PROTOCOL_ERROR)
      )
    })
    pump(call, stream)
  })
  call.once('trailers', (_headers: object, _flags: number, raw: readonly string[]) => {
    trailers = fieldsOf(raw)
  })
  call.once('end', () => {
    ended ||= call.rstCode === NGHTTP2_NO_ERROR
  })
  return new Promise(resolve => {
    const onLeft = (): void => {
      if (!call.closed && !call.destroyed) call.close(stream.rstCode === NGHTTP2_NO_ERROR ? NGHTTP2_CANCEL : stream.rstCode)
    }
    stream.once('close', onLeft)
    call.once('close', () => {
      stream.off('close', onLeft)
      if (stream.destroyed) resolve(ended ? 'whole' : 'left')
      else if (ended && !cut && call.rstCode === NGHTTP2_NO_ERROR) {
        // The app has said all, and wants no more of the visitor.
        if (!stream.readableEnded) stream.once('finish', () => stream.close(NGHTTP2_NO_ERROR))
        stream.once('close', () => resolve('whole'))
      } else {
        cut = true
        resolve(stream.headersSent || told ? 'cut' : 'unanswered')
      }
    })
  })
}

/** What nghttp2 lets an app say, node:http2 may refuse to pass on: a status of 999, say. True when it was said. */
function orElse(say: () => void, refused: () => void): boolean {
  try {
    say()
    return true
  } catch {
    refused()
    return false
  }
}

/** Bytes as they come, and the end; reads no faster than the other side takes. */
function pump(from: Http2Stream, to: Http2Stream): void {
  from.on('data', (chunk: Buffer) => {
    if (to.destroyed || to.writableEnded) return
    if (to.writableLength + chunk.length < UNSENT_BYTES) {
      to.write(chunk)
      return
    }
    from.pause()
    to.write(chunk, () => from.resume())
  })
  from.once('end', () => {
    if (from.rstCode === NGHTTP2_NO_ERROR && !to.destroyed && !to.writableEnded) to.end()
  })
}

/** Name, value, name, value … */
function fieldsOf(raw: readonly string[]): OutgoingHttpHeaders {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([raw[at] ?? '', raw[at + 1] ?? ''])
  return grouped(pairs)
}
