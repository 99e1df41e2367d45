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

/** One user, and what a policy grants: without more, everything. */
export interface Credentials extends Grant {
  user: string
  /** Plain, or `sha256`: hexadecimal SHA-256 of `USER:PASSWORD`. */
  password?: string
  sha256?: string
}

export interface Grant {
  /** Lower case; absent: all. */
  tunnels?: readonly string[]
  /** Absent: 255, which excludes all others. */
  maxWeight?: number
  /** Whether its connectors may have a filter; absent: yes. */
  filters?: boolean
  /** Whether its connectors may get copies; absent: as `filters`. */
  mirror?: boolean
}

export type Decision =
  /** `maxWeight`: less would do, and the peer is one of ours, to which this can be told. */
  | { kind: 'refuse'; status: number; maxWeight?: number }
  /** Somebody of ours asks only who we are. */
  | { kind: 'asked' }
  | { kind: 'bind'; tunnelId: string; weight: number; network: Network; capability: number | undefined; bound: Endpoint; grant: Grant }
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
  if (id?.uuid === ZERO && request.command === COMMAND.BIND && readCapability(request) !== undefined) return { kind: 'asked' }
  if (id === undefined || id.uuid === ZERO) return { kind: 'refuse', status: STATUS.BAD_REQUEST }
  const grant = grantOf(request, options.credentials)
  if (grant === undefined) return { kind: 'refuse', status: STATUS.UNAUTHORIZED }
  if (grant.tunnels?.includes(id.uuid) === false) return { kind: 'refuse', status: STATUS.FORBIDDEN }
  const destination = secondAddress(request) ?? { host: '', port: 0 }
  if (request.command === COMMAND.CONNECT) return decideConnect(request, destination, { ...options, tunnelId: id.uuid })
  if (request.command !== COMMAND.BIND) return { kind: 'refuse', status: STATUS.BAD_REQUEST }
  const capability = readCapability(request)
  const { maxWeight = 255 } = grant
  if (id.weight > maxWeight) return { kind: 'refuse', status: STATUS.FORBIDDEN, ...(capability !== undefined && { maxWeight }) }
  const udp = (request.flags & UDP_FLAG) !== 0 || findFeature(request, 'network')?.network === 1
  return {
    kind: 'bind',
    tunnelId: id.uuid,
    weight: id.weight,
    network: udp ? 'udp' : 'tcp',
    capability,
    bound: boundAddress(id.uuid, destination, options.routes),
    grant
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
function grantOf(request: RelayRequest, credentials: readonly Credentials[]): Grant | undefined {
  if (credentials.length === 0) return {}
  const given = findFeature(request, 'auth')
  if (given === undefined) return undefined
  const wanted = digest(given.user, sha256Of(given.user, given.password))
  let found: Grant | undefined
  for (const known of credentials) {
    const { user, password = '', sha256 = sha256Of(user, password) } = known
    if (timingSafeEqual(digest(user, sha256), wanted)) found = known
  }
  return found
}

/** As a policy file has it: `printf %s USER:PASSWORD | sha256sum`. */
const sha256Of = (user: string, password: string): string => createHash('sha256').update(`${user}:${password}`).digest('hex')

/** The name stands beside, as `a:b` with `c` must not pass for `a` with `b:c`. */
const digest = (user: string, sha256: string): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([user, sha256.toLowerCase()]))
    .digest()
