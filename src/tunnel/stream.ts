/**
 * A visitor's stream: the server opens it, writes one relay response that names the visitor and the destination, then raw bytes follow
 * (dossier §3.1). A stream with a bad head is dropped alone; the stock client kills its whole session instead.
 */
import type { Clock } from '../base/clock.ts'
import type { Endpoint } from '../base/connection.ts'
import { ProtocolError } from '../base/errors.ts'
import { ResponseDecoder } from '../relay/decode.ts'
import { firstAddress, secondAddress } from '../relay/find.ts'
import { STATUS } from '../relay/message.ts'
import type { SmuxStream } from '../smux/types.ts'

export interface TunnelStream {
  connection: SmuxStream
  /** The visitor as the server saw it; port 0 when it came from a forwarding header. */
  source: Endpoint
  /** Host (with `:80` for a portless Host), SNI, or the destination of a relay CONNECT. */
  destination: Endpoint
}

const UNKNOWN: Endpoint = { host: '0.0.0.0', port: 0 }

/** Reads the open message of each stream, then hands it over; the rest of its bytes is still unread. Never throws. */
export function acceptStream(
  connection: SmuxStream,
  options: { clock: Clock; timeoutMs: number },
  accept: (stream: TunnelStream) => void,
  refuse: (error: Error) => void
): void {
  const decoder = new ResponseDecoder()
  const drop = (error: Error): void => {
    stop()
    connection.destroy()
    refuse(error)
  }
  const onReadable = (): void => {
    try {
      for (let chunk: Buffer | null = connection.read(); chunk !== null; chunk = connection.read()) {
        const decoded = decoder.push(chunk)
        if (decoded === undefined) continue
        if (decoded.message.status !== STATUS.OK)
          throw new ProtocolError('STREAM_STATUS', `stream opened with status ${decoded.message.status}`)
        stop()
        if (decoded.rest.length > 0) connection.unshift(decoded.rest)
        accept({ connection, source: firstAddress(decoded.message) ?? UNKNOWN, destination: secondAddress(decoded.message) ?? UNKNOWN })
        return
      }
    } catch (error) {
      drop(error instanceof Error ? error : new Error(String(error)))
    }
  }
  const onEnd = (): void => drop(new ProtocolError('STREAM_EMPTY', 'stream ended before it was opened'))
  const onError = (error: Error): void => drop(error)
  const timer = options.clock.after(options.timeoutMs, () => drop(new ProtocolError('STREAM_SILENT', 'stream without an open message')), {
    unref: true
  })
  const stop = (): void => {
    timer.cancel()
    connection.off('readable', onReadable).off('end', onEnd).off('error', onError)
  }
  connection.on('readable', onReadable).on('end', onEnd).on('error', onError)
  onReadable()
}
