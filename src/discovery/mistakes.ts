/**
 * What a configuration says that nobody can mean: ports that do not exist, rules without a tunnel id, weights over 255. gost passes most of it over in
 * silence; whoever checks a manifest wants to hear of it. Each is one sentence with its place, and repeats nothing that may be a mistyped id.
 */
import { parseHostPort } from './address.ts'
import { resolveChain } from './chain.ts'
import type { GostConfig, IngressConfig, NodeConfig, ServiceConfig } from './config.ts'
import type { ContainerContext } from './context.ts'
import { parseUuid } from './go-values.ts'
import { find, getInteger, getString, GoFloat } from './param.ts'
import { type Unread, unreadOfNode, unreadOfServer, unreadOfSidecar } from './parameters.ts'
import { entrypointsOf, linesOf } from './server-facts.ts'

export interface Mistake {
  text: string
  /** It cannot start like this; else something is left out, as gost leaves it out. */
  fatal: boolean
  /** Worth a word, and no mistake: it only has no effect here. */
  harmless?: true
}

export function mistakesOf(config: GostConfig, context: ContainerContext): Mistake[] {
  const mistakes: Mistake[] = []
  for (const service of config.services) {
    const isServer = service.handler.type === 'tunnel'
    const isSidecar = service.listener.type === 'rtcp' || service.listener.type === 'rudp'
    if (isServer) mistakes.push(...serverMistakes(service, { config, context }))
    if (isSidecar) mistakes.push(...sidecarMistakes(service, config))
    if (!isServer && !isSidecar) mistakes.push(passedOver(`${service.place ?? service.name} is no listener of a tunnel: only gost runs it`))
  }
  // Services share their chain, and a range of ports its parameters.
  return [...new Map(mistakes.map(each => [each.text, each])).values()]
}

const fatal = (text: string): Mistake => ({ text, fatal: true })
const passedOver = (text: string): Mistake => ({ text, fatal: false })

const unreadMistake = (place: string, { name, meant }: Unread): Mistake =>
  meant === undefined
    ? { text: `${place}: ${name} has no effect here`, fatal: false, harmless: true }
    : passedOver(`${place}: there is no ${name}: did you mean ${meant}?`)

const carrierMistake = (place: string, unknown: string | undefined): Mistake[] =>
  unknown === undefined
    ? []
    : [fatal(`${place}: there is no carrier ${unknown === '' ? 'without a name' : unknown}: take ws, wss, tls or tcp`)]

function serverMistakes(service: ServiceConfig, { config, context }: { config: GostConfig; context: ContainerContext }): Mistake[] {
  const { params } = service.handler
  const { place = 'the tunnel listener', written = service.addr } = service
  const entrypoints = entrypointsOf(params)
  const names = [getString(params, 'ingress'), ...entrypoints.ingresses].filter(name => name !== '')
  const missing = names.filter(name => !config.ingresses.some(ingress => ingress.name === name))
  return [
    ...carrierMistake(place, service.listener.unknown),
    ...unreadOfServer(service).map(each => unreadMistake(place, each)),
    ...portMistake(place, 'it', written),
    ...entrypoints.written.flatMap(text => portMistake(place, `entrypoint=${text}`, text)),
    ...missing.map(name => passedOver(`${place}: there is no ingress ${name}`)),
    ...(names.length > missing.length ? [] : inlineMistakes(place, getString(params, 'tunnel'))),
    ...config.ingresses.filter(({ name }) => names.includes(name)).flatMap(ingress => ingressMistakes(ingress, context))
  ]
}

/** `:99999`, `host:http`, `8421` without a colon. */
function portMistake(place: string, what: string, text: string): Mistake[] {
  if (text === '' || /:\d+-\d+$/.test(text) || parseHostPort(text) !== undefined) return []
  const port = /^(?:\[[^\]]*\]|[^:]*):([^:]*)$/.exec(text)?.[1]
  if (port === undefined || port === '') return [fatal(`${place}: ${what} has no port, as in :8421`)]
  return [fatal(`${place}: ${what === 'it' ? '' : `${what}: `}${port} is no port (0 to 65535)`)]
}

function inlineMistakes(place: string, text: string): Mistake[] {
  if (text === '') return []
  return text.split(',').flatMap((item, index) => {
    const colon = item.indexOf(':')
    const host = colon < 0 ? item : item.slice(0, colon)
    return ruleMistake(`${place}: rule ${index + 1} of tunnel=`, host, colon < 0 ? '' : item.slice(colon + 1))
  })
}

function ingressMistakes({ name, rules, file }: IngressConfig, context: ContainerContext): Mistake[] {
  const read = file === undefined ? undefined : context.readFile(file)
  const lines = read !== undefined && 'text' in read ? linesOf(read.text) : []
  return [
    ...rules.flatMap(({ hostname, endpoint }, index) => ruleMistake(`ingress ${name}: rule ${index + 1}`, hostname, endpoint)),
    ...lines.flatMap(([host = '', endpoint = '']) => ruleMistake(`ingress ${name}: ${file}`, host, endpoint))
  ]
}

function ruleMistake(where: string, host: string, endpoint: string): Mistake[] {
  // What should be a host may be an id that lost its host.
  const shown = host === '' || /^\$?[0-9a-f{}-]{16,}$/i.test(host) ? '' : ` (${host})`
  if (host === '') return [passedOver(`${where} has no host before its tunnel id, as in nginx.local:UUID`)]
  if (endpoint === '') return [passedOver(`${where}${shown} has no tunnel id, as in nginx.local:UUID`)]
  if (parseUuid(endpoint.replace(/^\$/, '')) !== undefined) return []
  return [passedOver(`${where}${shown} has something else than a UUID for its tunnel id`)]
}

function sidecarMistakes(service: ServiceConfig, config: GostConfig): Mistake[] {
  const { place = `service ${service.name}` } = service
  const targets = service.targets.map(({ addr, written = addr }) => written)
  const routes = service.listener.chains.map(name => resolveChain(config, name))
  const nodes = routes.flatMap(route => (typeof route === 'string' ? [] : [route.node, ...route.others]))
  return [
    ...targets.flatMap(text => portMistake(place, `the app ${text}`, text).map(each => passedOver(each.text))),
    ...unreadOfSidecar(service).map(each => unreadMistake(place, each)),
    ...nodes.flatMap(node => nodeMistakes(node)),
    ...nodes.flatMap(node => weightMistake(node))
  ]
}

function nodeMistakes(node: NodeConfig): Mistake[] {
  const { place = 'the tunnel hop' } = node
  return [...carrierMistake(place, node.dialer.unknown), ...unreadOfNode(node).map(each => unreadMistake(place, each))]
}

/** 0 is "not set". gost keeps the low byte of what is larger. */
function weightMistake({ connector, place = 'the tunnel hop' }: NodeConfig): Mistake[] {
  const value = find(connector.params, 'tunnel.weight')
  const text = getString(connector.params, 'tunnel.weight')
  const weight = getInteger(connector.params, 'tunnel.weight')
  const at = `${place}: tunnel.weight=${text}`
  if (value instanceof GoFloat) return [passedOver(`${at} is a JSON number, which gost passes over: write it as text, "${text}"`)]
  if (text === '' || text === '0' || (weight > 0 && weight < 256)) return []
  const taken = weight > 0 ? weight % 256 || 1 : 1
  return [passedOver(`${at} is no weight of 1 to 255: gost takes it for ${taken}`)]
}
