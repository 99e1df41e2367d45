/**
 * The arrival proof: a relay CONNECT through the entrypoint with a nonce as destination name (dossier §5.5). Whoever gets the stream sees one
 * empty connection and no request; when it is us, the nonce tells.
 */
import type { Dial } from '../base/connection.ts'
import { connectRequest } from '../relay/addresses.ts'
import { ResponseDecoder } from '../relay/decode.ts'
import { encodeRequest } from '../relay/encode.ts'

const SUFFIX = '.probe.invalid'

export const probeHost = (nonce: string): string => `${nonce}${SUFFIX}`

/** The nonce in a stream's destination, when it is a probe of anybody. */
export const nonceOf = (host: string): string | undefined => (host.endsWith(SUFFIX) ? host.slice(0, -SUFFIX.length) : undefined)

/** Sends one probe. Resolves with the relay status once the server answered: 0 = it opened a stream to some connector. */
export async function sendProbe(dial: Dial, options: { tunnelId: string; nonce: string }, signal: AbortSignal): Promise<number> {
  const connection = await dial(signal)
  try {
    connection.write(
      encodeRequest(connectRequest({ destination: { host: probeHost(options.nonce), port: 80 }, tunnelId: options.tunnelId }))
    )
    return await new Promise<number>((resolve, reject) => {
      const decoder = new ResponseDecoder()
      connection.on('data', (chunk: Buffer) => {
        try {
          const decoded = decoder.push(chunk)
          if (decoded !== undefined) resolve(decoded.message.status)
        } catch (error) {
          reject(error)
        }
      })
      connection.on('end', () => reject(new Error('the entrypoint closed the connection')))
      connection.on('error', reject)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      if (signal.aborted) reject(signal.reason)
    })
  } finally {
    connection.on('error', () => {}) // we are done with it
    connection.destroy()
  }
}
