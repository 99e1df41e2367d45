/** The messages this program sends, built by the rules a stock gost peer needs: always two addresses, IP literals for sources, 20-byte ids. */
import type { Endpoint } from '../base/connection.ts'
import { answerCapability, CAPABILITY_VERSION, offerCapability } from './capability.ts'
import { endpointHost } from './find.ts'
import { bytesFromIp } from './ip.ts'
import { COMMAND, type Feature, type RelayRequest, type RelayResponse, STATUS } from './message.ts'

const UDP_FLAG = 0x80
const UDP_NETWORK = 1

export interface BindRequestOptions {
  tunnelId: string
  weight: number
  /** Our side of the transport connection, informational. */
  local?: Endpoint | undefined
  auth?: { user: string; password: string } | undefined
  /** Version offered to a peer of ours; gost does not see it. */
  capability?: number | undefined
  udp?: boolean | undefined
}

export function bindRequest(options: BindRequestOptions): RelayRequest {
  const { tunnelId, weight, local, auth, capability, udp = false } = options
  const features: Feature[] = []
  if (udp) features.push({ type: 'network', network: UDP_NETWORK })
  if (auth !== undefined) features.push({ type: 'auth', ...auth })
  // Without a second address newer servers close without an answer; 0.0.0.0 is the form every version takes.
  features.push(source(local), address({ host: '0.0.0.0', port: 0 }), tunnel(tunnelId, weight))
  const request: RelayRequest = { command: COMMAND.BIND, flags: udp ? UDP_FLAG : 0, features }
  return capability === undefined ? request : offerCapability(request, capability)
}

export interface BindResponseOptions {
  tunnelId: string
  /** A fresh random UUID: the ConnectorID. */
  connectorId: string
  weight: number
  udp?: boolean | undefined
  capability?: number | undefined
  /** Default: the tunnel's endpoint host and port 0. */
  bound?: Endpoint | undefined
}

/** Always with address and tunnel: a gost client panics on a bind response without features. */
export function bindResponse(options: BindResponseOptions): RelayResponse {
  const { tunnelId, connectorId, weight, udp = false, capability, bound = { host: endpointHost(tunnelId), port: 0 } } = options
  const response: RelayResponse = { status: STATUS.OK, features: [address(bound), tunnel(connectorId, weight, udp ? 0x01 : 0)] }
  return capability === undefined ? response : answerCapability(response, capability)
}

/** The first bytes on a stream towards a connector. A gost client resolves the first address: one that is no IP is sent as 0.0.0.0:0. */
export const streamOpen = (from: { source?: Endpoint | undefined; destination: Endpoint }): RelayResponse => ({
  status: STATUS.OK,
  features: [source(from.source), address(from.destination)]
})

/** What a visitor of an entrypoint sends to be connected with a tunnel (gost `-F relay`), used by probes and the return path. */
export const connectRequest = (to: { source?: Endpoint | undefined; destination: Endpoint; tunnelId: string }): RelayRequest => ({
  command: COMMAND.CONNECT,
  flags: 0,
  features: [source(to.source), address(to.destination), tunnel(to.tunnelId, 0)]
})

const ZERO = '00000000-0000-0000-0000-000000000000'

/**
 * Asks a server only which one it is: a bind of no tunnel, which each refuses before it looks at anything else. One of ours says in its refusal that it
 * knows the offer.
 */
export const whichRequest = (): RelayRequest => bindRequest({ tunnelId: ZERO, weight: 0, capability: CAPABILITY_VERSION })

export const whichResponse = (): RelayResponse => answerCapability({ status: STATUS.BAD_REQUEST, features: [tunnel(ZERO, 0)] })

/** A refusal on a fresh connection. Never on a stream: a gost client ends its whole session at a status other than OK. */
export const refusal = (status: number): RelayResponse => ({ status, features: [] })

/** A refusal to one of ours that wants to weigh more than it may: with the most that it would get. */
export const tooHeavy = (mostWeight: number): RelayResponse =>
  answerCapability({ status: STATUS.FORBIDDEN, features: [tunnel(ZERO, mostWeight)] })

/** What a stream must carry before it may be abandoned: FIN on an empty one ends a gost client's session. */
export const MINIMAL_OPEN: RelayResponse = { status: STATUS.OK, features: [] }

const address = ({ host, port }: Endpoint): Feature => ({ type: 'addr', host, port })

const source = (from: Endpoint | undefined): Feature =>
  address(from === undefined || bytesFromIp(from.host) === undefined ? { host: '0.0.0.0', port: 0 } : from)

const tunnel = (uuid: string, weight: number, flag = 0): Feature => ({ type: 'tunnel', id: { uuid, flag, reserved: 0, weight } })
