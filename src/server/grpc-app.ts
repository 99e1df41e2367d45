/**
 * HTTP/2 with prior knowledge to an app, inside one stream of a connector: gRPC needs it from end to end. Carries as many calls at a time as the app
 * allows, and none after the app's GOAWAY or once it was retired.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type OutgoingHttpHeaders } from 'node:http2'
import type { ServerContext } from './context.ts'
import { AS_OFTEN_AS_SAID } from './http2-options.ts'
import type { TunnelStream } from './registry.ts'

/** Why no request can be sent to that app; none was. */
export type Unready = 'app-closed' | 'bad-response' | 'no-answer' | 'unanswered'

export interface AppSessionOptions {
  stream: TunnelStream
  context: Pick<ServerContext, 'limits' | 'clock' | 'log'>
  /** Calls at a time, whatever the app allows. */
  most: number
  /** Until the app has said what it allows. */
  expected: number
  onClose: (session: AppSession) => void
}

/** Node counts what waits to be sent, and refuses streams beyond its default of 10. */
const SESSION_MEGABYTES = 64

export class AppSession {
  /** Undefined once calls can be made. It waits for the app's SETTINGS, so that a request goes only to an app that speaks HTTP/2. */
  readonly ready: Promise<Unready | undefined>
  /** The connector left the stream unanswered for too long; `ready` may still come. */
  readonly unanswered: Promise<void>
  /** Places that are taken. */
  calls = 0
  isReady = false
  readonly #session: ClientHttp2Session
  readonly #most: number
  #expected: number
  #retired = false
  /** Of the app's GOAWAY: it has not looked at any later call. */
  #lastId = Infinity

  constructor({ stream, context, most, expected, onClose }: AppSessionOptions) {
    const { limits, clock, log } = context
    const { connection } = stream
    this.#most = most
    this.#expected = expected
    const session = connect('http://app', {
      ...AS_OFTEN_AS_SAID,
      createConnection: () => connection,
      settings: {
        enablePush: false,
        initialWindowSize: limits.http2StreamWindowBytes,
        maxHeaderListSize: limits.responseHeadBytes
      },
      maxSettings: 32,
      maxSessionMemory: SESSION_MEGABYTES
    })
    this.#session = session
    session.setLocalWindowSize(limits.http2SessionWindowBytes)
    session.once('goaway', (_code: number, lastId: number) => (this.#lastId = lastId))
    // Half-closed is of no use to HTTP/2.
    connection.once('end', () => session.destroy())
    session.once('close', () => {
      connection.destroy()
      onClose(this)
    })
    this.unanswered = new Promise(resolve => stream.onUnanswered(resolve))
    this.ready = new Promise(resolve => {
      let failure: Unready = 'app-closed'
      const timer = clock.after(limits.firstByteTimeoutMs, () => {
        failure = 'no-answer'
        session.destroy()
      })
      session.on('error', (error: Error) => {
        log.debug('HTTP/2 session with the app failed', { error })
        // Bytes came that are none of HTTP/2: an app of HTTP/1 answers the preface with 400.
        if ('code' in error && error.code === 'ERR_HTTP2_ERROR') failure = 'bad-response'
      })
      session.once('close', () => {
        timer.cancel()
        resolve(failure)
      })
      session.once('remoteSettings', () => {
        timer.cancel()
        this.isReady = true
        resolve(undefined)
      })
    })
  }

  /** Calls at a time. An app that allows none now may do so later: one call waits for that. */
  get places(): number {
    const allowed = this.isReady ? (this.#session.remoteSettings.maxConcurrentStreams ?? Infinity) : this.#expected
    return Math.max(1, Math.min(allowed, this.#most))
  }

  /** Takes no more calls; what runs goes on. */
  get retired(): boolean {
    return this.#retired || this.#session.closed || this.#session.destroyed
  }

  get destroyed(): boolean {
    return this.#session.destroyed
  }

  /** Undefined: the app takes no more. */
  request(headers: OutgoingHttpHeaders, options: { endStream: boolean }): ClientHttp2Stream | undefined {
    if (this.retired) return undefined
    try {
      return this.#session.request(headers, options)
    } catch (error) {
      if (error instanceof Error && 'code' in error && REFUSING.has(error.code)) return undefined
      throw error
    }
  }

  /** The app has not looked at this call, and says so. */
  hasRefused(call: ClientHttp2Stream): boolean {
    return call.rstCode === constants.NGHTTP2_REFUSED_STREAM || (call.id !== undefined && call.id > this.#lastId)
  }

  retire(): void {
    this.#retired = true
    if (this.calls === 0) this.close()
  }

  close(): void {
    this.#session.destroy()
  }
}

const REFUSING: ReadonlySet<unknown> = new Set(['ERR_HTTP2_GOAWAY_SESSION', 'ERR_HTTP2_INVALID_SESSION', 'ERR_HTTP2_OUT_OF_STREAMS'])
