/** A relay CONNECT through an entrypoint: a connection to whichever connector has bound that tunnel (gost `-F relay`, dossier §5.5). */
import type { Connection, Dial, Endpoint } from '../base/connection.ts'
import { connectRequest } from '../relay/addresses.ts'
import { ResponseDecoder } from '../relay/decode.ts'
import { encodeRequest } from '../relay/encode.ts'
import { STATUS } from '../relay/message.ts'

export interface TunnelAddress {
  tunnelId: string
  /** The visitor, told to the connector. */
  source: Endpoint
  destination: Endpoint
}

/** Resolves once the server has opened a stream; nothing else has been sent. Rejects when it has nobody for that tunnel. */
export async function connectTunnel(dial: Dial, to: TunnelAddress, signal: AbortSignal): Promise<Connection> {
  const connection = await dial(signal)
  const decoder = new ResponseDecoder()
  try {
    connection.write(encodeRequest(connectRequest(to)))
    for (;;) {
      const decoded = decoder.push(await nextChunk(connection, signal))
      if (decoded === undefined) continue
      const { message, rest } = decoded
      if (message.status !== STATUS.OK) throw new Error(`the entrypoint answered with relay status ${message.status}`)
      if (rest.length > 0) connection.unshift(rest)
      return connection
    }
  } catch (error) {
    connection.on('error', () => {}) // we are done with it
    connection.destroy()
    throw error
  }
}

function nextChunk(connection: Connection, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      connection.off('readable', onReadable).off('end', onEnd).off('error', reject)
      signal.removeEventListener('abort', onAbort)
      finish()
    }
    const onReadable = (): void => {
      const chunk: Buffer | null = connection.read()
      if (chunk !== null) settle(() => resolve(chunk))
    }
    const onEnd = (): void => settle(() => reject(new Error('the connection ended before an answer')))
    const onAbort = (): void => settle(() => reject(signal.reason))
    connection.on('readable', onReadable).on('end', onEnd).on('error', reject)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    else onReadable()
  })
}
