/** A visitor that comes by relay CONNECT: raw bytes to whoever serves the tunnel. */
import type { Connection, Dial } from '../../src/base/connection.ts'
import { connectRequest } from '../../src/relay/addresses.ts'
import { ResponseDecoder } from '../../src/relay/decode.ts'
import { encodeRequest } from '../../src/relay/encode.ts'

/** Resolves when the server said that a connector has the stream; rejects with its status otherwise. */
export async function relayConnect(dial: Dial, tunnelId: string, destination = { host: 'raw.local', port: 80 }): Promise<Connection> {
  const connection = await dial(AbortSignal.timeout(10_000))
  const decoder = new ResponseDecoder()
  return new Promise((resolve, reject) => {
    const onEnd = (): void => reject(new Error('closed without an answer'))
    const onData = (chunk: Buffer): void => {
      const decoded = decoder.push(chunk)
      if (decoded === undefined) return
      connection.off('data', onData).off('end', onEnd).off('error', reject)
      connection.pause()
      connection.on('error', () => {}) // the end of it is what a test looks at
      if (decoded.rest.length > 0) connection.unshift(decoded.rest)
      if (decoded.message.status === 0) resolve(connection)
      else reject(new Error(`relay status ${decoded.message.status}`))
    }
    connection.on('data', onData).on('end', onEnd).on('error', reject)
    connection.write(encodeRequest(connectRequest({ destination, tunnelId })))
  })
}
