/** What receivers look for in a message: by type, the first address is the source or client, the last of the others the destination. */
import { createHash } from 'node:crypto'
import type { Endpoint } from '../base/connection.ts'
import type { Feature, RelayRequest, RelayResponse, TunnelId } from './message.ts'

type Message = RelayRequest | RelayResponse

const addresses = (message: Message): Endpoint[] =>
  message.features.flatMap(feature => (feature.type === 'addr' ? [{ host: feature.host, port: feature.port }] : []))

/** The first address: the visitor (stream open, CONNECT), the client's own address (BIND) or the bound address (BIND response). */
export const firstAddress = (message: Message): Endpoint | undefined => addresses(message)[0]

/** The destination. A third address overwrites the second, as gost does it. */
export const secondAddress = (message: Message): Endpoint | undefined => addresses(message).slice(1).at(-1)

/** TunnelID of a request, ConnectorID of a response. */
export const findTunnelId = (message: Message): TunnelId | undefined => findFeature(message, 'tunnel')?.id

/** The last feature of a type wins, as in gost's loops. */
export function findFeature<T extends Feature['type']>(message: Message, type: T): Extract<Feature, { type: T }> | undefined {
  return message.features.findLast((feature): feature is Extract<Feature, { type: T }> => feature.type === type)
}

/** The host name gost gives a tunnel that asked for none: hex(md5(uuid)[0:8]), 16 hex digits. */
export const endpointHost = (uuid: string): string => createHash('md5').update(uuid.toLowerCase()).digest('hex').slice(0, 16)
