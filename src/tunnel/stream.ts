/**
 * A visitor's stream: the server opens it, writes one relay response that names the visitor and the destination, then raw bytes follow
 * (dossier §3.1). A stream with a bad head is dropped alone; the stock client kills its whole session instead.
 */
import type { Clock } from '../base/clock.ts'
import type { Endpoint } from '../base/connection.ts'
import { ProtocolError } from '../base/errors.ts'
import { ResponseDecoder } from '../relay/decode.ts'
import { firstAddress, secondAddress } from '../relay/find.ts'
import { type RelayResponse, STATUS } from '../relay/message.ts'
import type { SmuxStream } from '../smux/types.ts'

export interface TunnelStream {
  connection: SmuxStream
  /** The visitor as the server saw it; port 0 when it came from a forwarding header. */
  source: Endpoint
  /** Host (with `:80` for a portless Host), SNI, or the destination of a relay CONNECT. */
  destination: Endpoint
  /** Ends it and tells a server of ours that no app got it: its request may go to another connector. */
  decline(): void
}

const UNKNOWN: Endpoint = { host: '0.0.0.0', port: 0 }

/** Reads the open message of each stream, then hands it over; the rest of its bytes is still unread. Never throws. */
export function acceptStream(
  connection: SmuxStream,
  options: { clock: Clock; timeoutMs: number; onDecline: (id: number) => void },
  accept: (stream: TunnelStream) => void,
  refuse: (error: Error) => void
): void {
  const decoder = new ResponseDecoder()
  let message: RelayResponse | undefined
  const timer = options.clock.after(
    options.timeoutMs,
    () => connection.destroy(new ProtocolError('STREAM_SILENT', 'stream without an open message')),
    { unref: true }
  )
  connection.readFirst({
    take(chunk) {
      const decoded = decoder.push(chunk)
      message = decoded?.message
      if (message !== undefined && message.status !== STATUS.OK)
        throw new ProtocolError('STREAM_STATUS', `stream opened with status ${message.status}`)
      return decoded?.rest
    },
    done() {
      timer.cancel()
      if (message !== undefined)
        accept({
          connection,
          source: firstAddress(message) ?? UNKNOWN,
          destination: secondAddress(message) ?? UNKNOWN,
          decline() {
            options.onDecline(connection.id)
            connection.destroy()
          }
        })
    },
    failed(error = new ProtocolError('STREAM_EMPTY', 'stream ended before it was opened')) {
      timer.cancel()
      refuse(error)
    }
  })
}
