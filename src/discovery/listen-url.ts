/** One -L: a URL → one service, or several for a port range (x/config/cmd/cmd.go buildServiceConfig). */
import { expandPortRange } from './address.ts'
import { type ForwardTarget, listenerType, type ServiceConfig, schemeHalves, unknownCarrier } from './config.ts'
import { parseAuthParam, parseGostUrl } from './gost-url.ts'
import { getInteger, getString, type Params, routeByPrefix } from './param.ts'

/** Listeners for which a path means "forward there" under their own handler; for any other, the path makes it a plain forward. */
const FORWARDERS = new Set('tcp udp rtcp rudp tun tap dns unix runix serial'.split(' '))

/** Undefined when gost refuses the text. */
export function parseListenUrl(text: string): ServiceConfig[] | undefined {
  const url = parseGostUrl(text)
  if (url === undefined) return undefined
  const [first, second] = schemeHalves(url.scheme)
  const listener = listenerType(second)
  const remotes = url.path.replace(/^\/+|\/+$/g, '')
  const handler = remotes === '' || first === 'relay' ? first : FORWARDERS.has(listener) ? listener : 'forward'
  const params: Params = new Map(url.params)
  const authText = getString(params, 'auth')
  const auth = url.user ?? (authText === '' ? undefined : parseAuthParam(authText))
  if (url.user === undefined && authText !== '' && auth === undefined) return undefined
  const certFile = getString(params, 'tls.certFile', 'certFile', 'cert')
  const keyFile = getString(params, 'tls.keyFile', 'keyFile', 'key')
  const caFile = getString(params, 'tls.caFile', 'caFile', 'ca')
  moveProxyProtocol(params)
  const sections = routeByPrefix(params, ['service', 'handler', 'listener'])
  const targets = remotes === '' ? [] : remotes.split(',').flatMap(text => expandPortRange(text).map(addr => plainTarget(addr, text)))
  const addrs = expandPortRange(url.host)
  return addrs.map((addr, index) => ({
    name: '',
    addr,
    place: `-L ${url.scheme}://${url.host}`,
    written: isRange(url.host) ? addr : url.host,
    handler: { type: handler, auth, authers: [], chains: [], params: sections.handler, unread: undefined },
    listener: { type: listener, chains: [], certFile, keyFile, caFile, params: sections.listener, ...unknownCarrier(url.scheme) },
    targets: targetsOf(targets, index, addrs.length),
    params: sections.service
  }))
}

const plainTarget = (addr: string, written: string): ForwardTarget => ({
  addr,
  written: isRange(written) ? addr : written,
  conditional: false
})
const isRange = (text: string): boolean => /\d-\d+$/.test(text)

/** One service takes all targets; of several, each takes its own, or all the same single one. */
function targetsOf(targets: ForwardTarget[], index: number, services: number): ForwardTarget[] {
  if (services === 1 || targets.length === 1) return targets
  const own = targets[index]
  return own === undefined ? [] : [own]
}

/** On -L a bare `proxyProtocol` belongs to the service; only `handler.proxyProtocol` reaches the handler. */
function moveProxyProtocol(params: Params): void {
  const version = getInteger(params, 'proxyProtocol')
  if (version <= 0) return
  params.set('service.proxyProtocol', version)
  params.delete('proxyProtocol')
}
