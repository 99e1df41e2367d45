/** `--tunnel-server URL --tunnel-id UUID [--entrypoint URL]`: a plan from flags, no cluster needed. gost's own URL form (`tunnel+ws://…?path=…`) is read too. */
import { InterceptError } from '../base/errors.ts'
import { formatHostPort } from '../discovery/address.ts'
import { parseGostUrl } from '../discovery/gost-url.ts'
import { parseUuid } from '../discovery/go-values.ts'
import { getBool, getString } from '../discovery/param.ts'
import type { Auth, Carrier } from '../discovery/types.ts'
import { shortTunnel } from '../base/format.ts'
import type { ServerPlan, TunnelPlan } from './types.ts'

export interface ManualOptions {
  /** `ws://host[:port]/path`; also wss, tls, tcp, http, https, and each behind `tunnel+`. */
  server: string
  tunnelId: string
  /** Where visitors go, `http://host[:port]`. */
  entrypoint?: string | undefined
  /** Wins over credentials in the URL. */
  auth?: Auth | undefined
  /** PEM text. With it the certificate is verified. */
  ca?: string | undefined
  /** PEM texts of a client certificate and its key. */
  cert?: string | undefined
  key?: string | undefined
  /** The app's port, where known. */
  appPort?: number | undefined
}

const CARRIERS: Readonly<Record<string, { carrier: Carrier; port: number }>> = {
  ws: { carrier: 'ws', port: 80 },
  http: { carrier: 'ws', port: 80 },
  wss: { carrier: 'wss', port: 443 },
  https: { carrier: 'wss', port: 443 },
  tls: { carrier: 'tls', port: 443 },
  tcp: { carrier: 'tcp', port: 8421 },
  tunnel: { carrier: 'tcp', port: 8421 }
}

const FORM = 'kubectl intercept --tunnel-server ws://HOST:8421/PATH --tunnel-id UUID --port 8080'

/** Throws BAD_USAGE. */
export function manualPlan(options: ManualOptions): TunnelPlan {
  const tunnelId = parseUuid(options.tunnelId)
  if (tunnelId === undefined) throw new InterceptError('BAD_USAGE', '--tunnel-id is no UUID', { hint: FORM })
  const server = serverOf(options)
  const entrypoint = options.entrypoint === undefined ? undefined : parseAddress('--entrypoint', options.entrypoint)
  const { address } = server
  // Typed in `set` and `leave`, and one server has several tunnels.
  const name = `tunnel/${tunnelId.slice(0, 8)}`
  return {
    name,
    namespace: '',
    workload: name,
    target: { text: name, kind: undefined, name },
    tunnelId,
    protocol: 'http',
    // The Host of the visitors is the one in the entrypoint's URL, unless that is an address.
    hosts: entrypoint !== undefined && /[a-z]/i.test(entrypoint.host) && !entrypoint.host.includes(':') ? [entrypoint.host] : [],
    app: options.appPort === undefined ? undefined : { host: '', port: options.appPort },
    sidecars: [],
    server: entrypoint === undefined ? server : { ...server, entrypointAddress: entrypoint },
    ingresses: [],
    passes: [`intercepts tunnel ${shortTunnel(tunnelId)} of ${address === undefined ? 'its server' : formatHostPort(address)}`],
    bypasses: [],
    notes: ['nothing was read from a cluster: hosts, sidecars and the way back are not known'],
    podSelector: undefined,
    byFlags: true
  }
}

function serverOf(options: ManualOptions): ServerPlan {
  const url = parseGostUrl(options.server)
  const scheme = url?.scheme.replace(/^tunnel\+/, '').replace(/^http\+tls$/, 'https') ?? ''
  const known = Object.hasOwn(CARRIERS, scheme) ? CARRIERS[scheme] : undefined
  if (url === undefined || known === undefined) {
    throw new InterceptError(
      'BAD_USAGE',
      `--tunnel-server ${scheme === '' ? '' : `with ${scheme}:// `}is not understood: its scheme must be ws, wss, tls or tcp`,
      { hint: FORM }
    )
  }
  const address = splitAddress(url.host, known.port)
  if (address === undefined) throw new InterceptError('BAD_USAGE', `--tunnel-server names no host that can be dialled`, { hint: FORM })
  const { carrier } = known
  const encrypted = carrier === 'wss' || carrier === 'tls'
  const written = url.path === '' || url.path === '/' ? '' : url.path
  const ownScheme = options.server.startsWith('tunnel')
  return {
    namespace: '',
    service: undefined,
    servicePort: address.port,
    entrypointServicePort: undefined,
    pods: [],
    carrier,
    // In gost's form the path is a parameter and the URL's path is ignored.
    path: getString(url.params, 'ws.path', 'path') || (ownScheme ? '' : written) || '/ws',
    hostHeader: getString(url.params, 'ws.host', 'host') || undefined,
    auth: options.auth ?? url.user,
    tls: encrypted
      ? {
          secure: options.ca !== undefined || (ownScheme ? getBool(url.params, 'tls.secure', 'secure') : true),
          serverName: getString(url.params, 'tls.servername', 'servername') || address.host,
          ca: options.ca,
          cert: options.cert,
          key: options.key
        }
      : undefined,
    readTimeoutMs: 15_000,
    keepalive: false,
    maxReceiveBuffer: undefined,
    peer: 'gost',
    unread: 'the tunnel was named by flags',
    address
  }
}

function parseAddress(flag: string, text: string): { host: string; port: number; tls: boolean } {
  const match = /^(?:(https?|tcp|tls):\/\/)?([^/?#@]+)/.exec(text)
  const tls = match?.[1] === 'https' || match?.[1] === 'tls'
  const address = splitAddress(match?.[2] ?? '', tls ? 443 : 80)
  if (address === undefined)
    throw new InterceptError('BAD_USAGE', `${flag} ${text} is not understood`, { hint: `${flag} http://HOST[:PORT]` })
  return { ...address, tls }
}

function splitAddress(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s,]+))(?::(\d{1,5}))?$/i.exec(text)
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  const host = match?.[1] ?? match?.[2]
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port }
}
