/** What an app answers to a gRPC call → the visitor's stream, in its order: interim responses, head, messages, trailers. */
import { type ClientHttp2Stream, constants, type Http2Stream, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'

/**
 * `whole`: the visitor has all. `unanswered`: not even a head came, and the visitor was told nothing. `cut`: how it ends is not told yet. `left`: the
 * visitor reset its stream.
 */
export type AnswerEnd = 'whole' | 'unanswered' | 'cut' | 'left'

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_FLAG_END_STREAM } = constants
const UNSENT_BYTES = 131_072
/** As the app said it: no Date of ours. The option is not in node's types. */
const AS_SAID = { sendDate: false }

/** Resolves when the app's side is over; for `whole` and `left` when the visitor's is too. */
export function answerWith(stream: ServerHttp2Stream, call: ClientHttp2Stream): Promise<AnswerEnd> {
  let trailers: OutgoingHttpHeaders | undefined
  let ended = false
  let cut = false
  let told = false
  call.on('headers', headers => {
    if (stream.destroyed) return
    told = true
    stream.additionalHeaders(withoutSymbols(headers))
  })
  call.once('response', (headers, flags) => {
    if (stream.destroyed || stream.headersSent) return
    const endStream = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
    ended = endStream
    stream.respond(withoutSymbols(headers), { endStream, waitForTrailers: !endStream, ...AS_SAID })
    if (endStream) return
    stream.once('wantTrailers', () => {
      if (!cut) stream.sendTrailers(trailers ?? {})
    })
    pump(call, stream)
  })
  call.once('trailers', headers => {
    trailers = withoutSymbols(headers)
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
      else if (ended && call.rstCode === NGHTTP2_NO_ERROR) {
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

/** node:http2 marks sensitive fields by a symbol, which it takes back only as an array of its own. */
const withoutSymbols = (headers: object): OutgoingHttpHeaders => Object.fromEntries(Object.entries(headers))
