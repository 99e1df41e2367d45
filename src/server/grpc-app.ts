/** HTTP/2 with prior knowledge to an app, inside one stream of a connector: gRPC needs it from end to end. */
import { type ClientHttp2Session, connect } from 'node:http2'
import type { ServerContext } from './context.ts'
import type { OpenedStream } from './open-stream.ts'

/** Why no request can be sent to that app; none was. */
export type Unready = 'app-closed' | 'bad-response' | 'no-answer' | 'unanswered'

/** Waits for the app's SETTINGS, so that a request goes only to an app that speaks HTTP/2 and may still go elsewhere before. */
export function connectApp(
  stream: OpenedStream,
  { context, hasOther }: { context: ServerContext; hasOther: () => boolean }
): Promise<ClientHttp2Session | Unready> {
  const { limits, clock, log } = context
  return new Promise(resolve => {
    const { connection } = stream
    const session = connect('http://app', {
      createConnection: () => connection,
      settings: {
        enablePush: false,
        initialWindowSize: limits.http2StreamWindowBytes,
        maxHeaderListSize: limits.responseHeadBytes
      },
      maxSettings: 32
    })
    session.setLocalWindowSize(limits.http2SessionWindowBytes)
    let settled = false
    const fail = (why: Unready): void => {
      if (settled) return
      settled = true
      timer.cancel()
      session.destroy()
      connection.destroy()
      resolve(why)
    }
    const timer = clock.after(limits.firstByteTimeoutMs, () => fail('no-answer'))
    let failure: Unready = 'app-closed'
    session.on('error', (error: Error) => {
      log.debug('HTTP/2 session with the app failed', { error })
      // Bytes came that are none of HTTP/2: an app of HTTP/1 answers the preface with 400.
      if ('code' in error && error.code === 'ERR_HTTP2_ERROR') failure = 'bad-response'
    })
    session.once('close', () => fail(failure))
    session.once('remoteSettings', () => {
      if (settled) return
      settled = true
      timer.cancel()
      resolve(session)
    })
    stream.onUnanswered(() => {
      if (hasOther()) fail('unanswered')
    })
  })
}
