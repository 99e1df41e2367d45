/**
 * The arrival proof: a relay CONNECT through the entrypoint with a nonce as destination name (dossier §5.5). Whoever gets the stream sees one
 * empty connection and no request; when it is us, the nonce tells.
 */
import type { Dial } from '../base/connection.ts'
import { connectRequest } from '../relay/addresses.ts'
import { ResponseDecoder } from '../relay/decode.ts'
import { encodeRequest } from '../relay/encode.ts'
import { probeHost } from '../tunnel/probe-names.ts'
import { ask } from './ask.ts'

/** Sends one probe. Resolves with the relay status once the server answered: 0 = it opened a stream to some connector. */
export function sendProbe(dial: Dial, options: { tunnelId: string; nonce: string }, signal: AbortSignal): Promise<number> {
  const decoder = new ResponseDecoder()
  const destination = { host: probeHost(options.nonce), port: 80 }
  const bytes = encodeRequest(connectRequest({ destination, tunnelId: options.tunnelId }))
  return ask(dial, { bytes, read: chunk => decoder.push(chunk)?.message.status }, signal)
}
