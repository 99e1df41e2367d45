/** gost's configuration file → its configuration (x/config/config.go, config/parsing/*): services, chains, hops and nodes by reference, ingresses, authers. */
import {
  dialerType,
  type AutherConfig,
  type GostConfig,
  type HopConfig,
  type IngressConfig,
  type NodeConfig,
  type ServiceConfig
} from './config.ts'
import { type Format, parseDocument, Section } from './document.ts'
import { expandPortRange } from './address.ts'
import type { Auth } from './types.ts'

/** A file that cannot be parsed gives a problem, worded to follow the file's name. */
export function parseGostConfig(text: string, format: Format): { config: GostConfig } | { problem: string } {
  const parsed = parseDocument(text, format)
  if ('problem' in parsed) return parsed
  const root = new Section(parsed.value)
  return {
    config: {
      services: root.sections('services').map(readService),
      chains: root.sections('chains').map(chain => ({ name: chain.text('name'), hops: chain.sections('hops').map(readHop) })),
      hops: root.sections('hops').map(readHop),
      nodes: root.sections('nodes').map(readNode),
      ingresses: root.sections('ingresses').map(readIngress),
      authers: root.sections('authers').map(readAuther),
      api: root.has('api')
    }
  }
}

function readService(service: Section): ServiceConfig {
  const handler = service.section('handler')
  const listener = service.section('listener')
  const tls = listener.section('tls')
  const auth = handler.section('auth')
  return {
    name: service.text('name'),
    addr: service.text('addr'),
    place: `service ${service.text('name') || service.text('addr')}`,
    handler: {
      type: handler.text('type') || 'auto',
      auth: readAuth(auth),
      authers: named(handler, 'auther', 'authers'),
      chains: chainNames(handler),
      params: handler.params('metadata'),
      unread: auth.has('file') ? 'the credentials are in a file' : undefined
    },
    listener: {
      type: listener.text('type') || 'tcp',
      chains: chainNames(listener),
      certFile: tls.text('certFile'),
      keyFile: tls.text('keyFile'),
      caFile: tls.text('caFile'),
      params: listener.params('metadata')
    },
    targets: service
      .section('forwarder')
      .sections('nodes')
      .flatMap(node =>
        expandPortRange(node.text('addr')).map(addr => ({
          addr,
          ...(/\d-\d+$/.test(node.text('addr')) ? {} : { written: node.text('addr') }),
          conditional: ['filter', 'matcher', 'host', 'path', 'protocol'].some(key => node.has(key))
        }))
      ),
    params: service.params('metadata')
  }
}

const named = (section: Section, one: string, many: string): string[] =>
  [section.text(one), ...section.texts(many)].filter(name => name !== '')

const chainNames = (part: Section): string[] =>
  [part.text('chain'), ...part.section('chainGroup').texts('chains')].filter(name => name !== '')

const readAuth = (auth: Section): Auth | undefined =>
  auth.has('username') ? { user: auth.text('username'), password: auth.text('password') } : undefined

const readHop = (hop: Section): HopConfig => ({
  name: hop.text('name'),
  nodes: hop.sections('nodes').map(readNode),
  elsewhere: elsewhere(hop, ['file', 'redis', 'http', 'plugin'])
})

/** A `dialer` wrongly nested in `connector` is ignored by gost, which then uses tcp; so it is here. */
function readNode(node: Section): NodeConfig {
  const connector = node.section('connector')
  const dialer = node.section('dialer')
  const auth = connector.section('auth')
  const tls = dialer.section('tls')
  return {
    name: node.text('name'),
    addr: node.text('addr'),
    place: `node ${node.text('name') || node.text('addr')}`,
    connector: {
      type: connector.text('type') || 'http',
      auth: readAuth(auth),
      authFile: auth.has('file') ? auth.text('file') : undefined,
      params: connector.params('metadata')
    },
    dialer: {
      type: dialerType(dialer.text('type') || 'tcp'),
      tls: {
        secure: tls.flag('secure'),
        serverName: tls.text('serverName'),
        caFile: tls.text('caFile'),
        certFile: tls.text('certFile'),
        keyFile: tls.text('keyFile')
      },
      params: dialer.params('metadata')
    }
  }
}

const readIngress = (ingress: Section): IngressConfig => ({
  name: ingress.text('name'),
  rules: ingress.sections('rules').map(rule => ({ hostname: rule.text('hostname'), endpoint: rule.text('endpoint') })),
  file: ingress.has('file') ? ingress.section('file').text('path') : undefined,
  elsewhere: elsewhere(ingress, ['redis', 'http', 'plugin'])
})

const readAuther = (auther: Section): AutherConfig => ({
  name: auther.text('name'),
  auths: auther.sections('auths').flatMap(auth => readAuth(auth) ?? []),
  file: auther.has('file') ? auther.section('file').text('path') : undefined,
  elsewhere: elsewhere(auther, ['redis', 'http', 'plugin'])
})

const elsewhere = (section: Section, keys: readonly string[]): string | undefined => keys.find(key => section.has(key))
