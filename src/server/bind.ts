/**
 * What a relay request on the tunnel port gets: the checks of gost's tunnel handler in its order (x/handler/tunnel/handler.go, bind.go; dossier
 * §2.1, §5.6). Pure.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Endpoint } from '../base/connection.ts'
import { readCapability } from '../relay/capability.ts'
import { endpointHost, findFeature, findTunnelId, firstAddress, secondAddress } from '../relay/find.ts'
import { COMMAND, type RelayRequest, STATUS } from '../relay/message.ts'
import type { Network } from './choice.ts'
import type { Routes } from './routes.ts'

export interface Credentials {
  user: string
  password: string
}

export type Decision =
  | { kind: 'refuse'; status: number }
  | { kind: 'bind'; tunnelId: string; weight: number; network: Network; capability: number | undefined; bound: Endpoint }
  | { kind: 'connect'; tunnelId: string; source: Endpoint | undefined; destination: Endpoint }

export interface DecisionOptions {
  routes: Routes
  /** Empty: everybody may bind, as with a stock server. */
  credentials: readonly Credentials[]
  /** gost's `tunnel.direct`: a CONNECT may name a tunnel that no rule leads to. */
  direct: boolean
}

const ZERO = '00000000-0000-0000-0000-000000000000'
const UDP_FLAG = 0x80
const UNSPECIFIED = new Set(['', '0.0.0.0', '::'])

export function decide(request: RelayRequest, options: DecisionOptions): Decision {
  const id = findTunnelId(request)
  if (id === undefined || id.uuid === ZERO) return { kind: 'refuse', status: STATUS.BAD_REQUEST }
  if (!isAuthorized(request, options.credentials)) return { kind: 'refuse', status: STATUS.UNAUTHORIZED }
  const destination = secondAddress(request) ?? { host: '', port: 0 }
  if (request.command === COMMAND.CONNECT) return decideConnect(request, destination, { ...options, tunnelId: id.uuid })
  if (request.command !== COMMAND.BIND) return { kind: 'refuse', status: STATUS.BAD_REQUEST }
  const udp = (request.flags & UDP_FLAG) !== 0 || findFeature(request, 'network')?.network === 1
  return {
    kind: 'bind',
    tunnelId: id.uuid,
    weight: id.weight,
    network: udp ? 'udp' : 'tcp',
    capability: readCapability(request),
    bound: boundAddress(id.uuid, destination, options.routes)
  }
}

function decideConnect(request: RelayRequest, destination: Endpoint, options: DecisionOptions & { tunnelId: string }): Decision {
  const { tunnelId } = options
  if (!options.direct && options.routes.find(destination.host)?.tunnelId !== tunnelId) {
    return { kind: 'refuse', status: STATUS.HOST_UNREACHABLE }
  }
  return { kind: 'connect', tunnelId, source: firstAddress(request), destination }
}

/** The name a client may call itself: its own unless it belongs to another tunnel, else gost's hash of the tunnel. Informational. */
function boundAddress(tunnelId: string, wanted: Endpoint, routes: Routes): Endpoint {
  const owner = routes.find(wanted.host)?.tunnelId ?? tunnelId
  const own = !UNSPECIFIED.has(wanted.host) && !routes.empty && owner === tunnelId
  return { host: own ? wanted.host : endpointHost(tunnelId), port: wanted.port }
}

/** Compares with every known pair in constant time, so that neither the time nor the order tells how close a guess was. */
function isAuthorized(request: RelayRequest, credentials: readonly Credentials[]): boolean {
  if (credentials.length === 0) return true
  const given = findFeature(request, 'auth')
  if (given === undefined) return false
  const wanted = digest(given)
  let found = false
  for (const known of credentials) found = timingSafeEqual(digest(known), wanted) || found
  return found
}

const digest = ({ user, password }: Credentials): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([user, password]))
    .digest()
