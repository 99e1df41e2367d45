/**
 * Access to the cluster's names and addresses from this machine: one loopback port that speaks SOCKS5 and HTTP (the first byte tells which), and a
 * port for each `--forward`. Nothing in the cluster is changed; who reaches the port has what the kubeconfig's user may port-forward to.
 */
import type { Clock } from '../base/clock.ts'
import { closeAll, closeOnce, deferred } from '../base/closable.ts'
import { type Connection, type Endpoint, formatEndpoint } from '../base/connection.ts'
import { asError, errnoOf, InterceptError } from '../base/errors.ts'
import type { EventBody } from '../event/types.ts'
import type { Logger } from '../base/log.ts'
import type { Cluster } from '../kube/types.ts'
import { resetConnection } from '../transport/reset.ts'
import { dialTcpTo, listenTcp } from '../transport/tcp.ts'
import type { Listener } from '../transport/types.ts'
import { ByteSource } from './byte-source.ts'
import { podChooser } from './choose-pod.ts'
import { type DialParts, wayTo } from './dial.ts'
import { directory, isForbidden } from './directory.ts'
import { type Environment, proxyEnvironment } from './environment.ts'
import { type Forward, resolveForward, targetOf } from './forward.ts'
import { insideDial, type InsidePod } from './inside-dial.ts'
import { CLUSTER_DOMAIN, meaningOf } from './names.ts'
import { Lingering } from './relay.ts'
import { podGuard } from './pod-guard.ts'
import { type Names, resolveName } from './resolve-name.ts'
import { connectTo, IDLE_MS, joinWith, refuse, type ServeParts } from './serve.ts'
import { serveHttp } from './serve-http.ts'
import { serveSocks } from './serve-socks.ts'
import { spokenOnce } from './spoken-once.ts'

export type AccessCluster = Pick<Cluster, 'get' | 'list' | 'forwarder' | 'dialServer' | 'execConnection' | 'canI'>

export interface AccessOptions {
  cluster: AccessCluster
  /** Names are looked up as in a pod of this namespace. */
  namespace: string
  clock: Clock
  log: Logger
  /** One line for the person, now and then. */
  say: (line: string) => void
  onConnection?: ((connection: EventBody<'access.connection'>) => void) | undefined
  /** Of the proxy; default any. */
  port?: number | undefined
  forwards?: readonly Forward[] | undefined
  viaPod?: InsidePod | undefined
  clusterDomain?: string | undefined
}

export interface Access {
  /** `socks5h://127.0.0.1:PORT`: names are resolved on the other side. */
  readonly socksUrl: string
  readonly httpUrl: string
  /** In the order of the options, with the port that was taken. */
  readonly forwards: readonly { local: Endpoint; forward: Forward }[]
  /** To be set beside the person's own variables, which say what stays direct. */
  environment(own: Environment): Record<string, string>
  readonly closed: Promise<void>
  close(): Promise<void>
}

const SOCKS5 = 5
const SOCKS4 = 4
const GOODBYE_MS = 5_000

/** Throws CLUSTER_UNREACHABLE, CLUSTER_UNAUTHORIZED, LOCAL_PORT_TAKEN, and for a `--forward` TARGET_NOT_FOUND and CLUSTER_FORBIDDEN. */
export async function openAccess(options: AccessOptions): Promise<Access> {
  const { cluster, namespace, clock } = options
  const domain = options.clusterDomain ?? CLUSTER_DOMAIN
  const names: Names = { directory: directory(cluster, { namespace, clock }), namespace, domain }
  await firstContact(options, names)
  const stop = new AbortController()
  const parts = serveParts(options, names, stop.signal)
  const listeners: Listener[] = []
  try {
    const proxy = await listenOn({ host: '127.0.0.1', port: options.port ?? 0 }, client => void serveClient(client, parts.serve))
    listeners.push(proxy)
    const forwards = []
    for (const forward of options.forwards ?? []) {
      const listener = await listenOn(forward.local, client => void serveForward(client, forward, { ...parts, names }), forward)
      listeners.push(listener)
      forwards.push({ local: { host: forward.local.host, port: listener.port }, forward })
    }
    return accessOf({ port: proxy.port, forwards, domain, listeners, stop })
  } catch (error) {
    await closeAll(listeners)
    throw error
  }
}

interface Opened {
  port: number
  forwards: Access['forwards']
  domain: string
  listeners: readonly Listener[]
  stop: AbortController
}

function accessOf({ port, forwards, domain, listeners, stop }: Opened): Access {
  const closed = deferred<void>()
  const urls = { http: `http://127.0.0.1:${port}`, socks: `socks5h://127.0.0.1:${port}` }
  return {
    socksUrl: urls.socks,
    httpUrl: urls.http,
    forwards,
    environment: own => proxyEnvironment(urls, own, domain),
    closed: closed.promise,
    close: closeOnce(async () => {
      stop.abort(Object.assign(new Error('cluster access was closed'), { name: 'AbortError' }))
      await closeAll(listeners).finally(closed.resolve)
    })
  }
}

/** Says at the start what would otherwise be said at the first connection. */
async function firstContact({ cluster, namespace, say, forwards = [] }: AccessOptions, names: Names): Promise<void> {
  const may = (verb: string): Promise<boolean | undefined> => cluster.canI(verb, 'pods', { namespace, subresource: 'portforward' })
  const [, get, create] = await Promise.all([
    cluster.get('services', namespace, 'kubernetes').catch((error: unknown) => {
      if (!isForbidden(error)) throw error
      say(`${error.message}: Services are not found by their names (${error.hint ?? ''})`)
    }),
    may('get'),
    may('create')
  ])
  if (get === false && create === false) {
    say(
      `you may not port-forward in namespace ${namespace}: its pods cannot be reached (kubectl auth can-i create pods --subresource=portforward -n ${namespace})`
    )
  }
  for (const forward of forwards) {
    try {
      const found = await resolveForward(names, forward)
      if (found.kind === 'inside') say(`${forward.text}: ${found.why.message}`)
    } catch (error) {
      // It may become ready; what does not exist is a typing error.
      if (!(error instanceof InterceptError && error.code === 'SERVICE_UNREACHABLE')) throw error
      say(`${forward.text}: ${error.message}`)
    }
  }
}

interface Parts {
  serve: ServeParts
  dial: DialParts
}

function serveParts(options: AccessOptions, names: Names, signal: AbortSignal): Parts {
  const { cluster, clock, log } = options
  const say = spokenOnce(options.say, clock)
  const dial: DialParts = {
    cluster,
    clock,
    chooser: podChooser(),
    guard: podGuard(cluster, clock),
    dialOutside: dialTcpTo(),
    dialInside: options.viaPod === undefined ? undefined : insideDial(options.viaPod, { cluster, clock }),
    sayOutside: (to, alias) => {
      if (meaningOf(to.host, names.namespace).kind === 'loopback') return
      const why = alias === undefined ? 'is no name of the cluster' : `is what ${alias} stands for (ExternalName)`
      say.once(`outside ${to.host} ${alias ?? ''}`, `${to.host} ${why}: it is dialled from this machine`)
    }
  }
  const serve: ServeParts = {
    clock,
    log,
    signal,
    lingering: new Lingering(clock),
    wayTo: async to => wayTo(await resolveName(names, to.host, to.port), dial),
    tell: teller(options.onConnection),
    say: say.again
  }
  return { serve, dial }
}

/** Numbers what it tells. */
function teller(onConnection: AccessOptions['onConnection']): ServeParts['tell'] {
  let count = 0
  return (connection, id = String((count += 1))) => {
    onConnection?.({ id, ...connection })
    return id
  }
}

async function serveClient(client: Connection, parts: ServeParts): Promise<void> {
  const source = new ByteSource(client)
  const onStop = (): void => void client.destroy()
  parts.signal.addEventListener('abort', onStop, { once: true })
  const idle = parts.clock.after(IDLE_MS, onStop, { unref: true })
  try {
    const first = await source.next(parts.signal)
    idle.cancel()
    if (first === undefined) client.end()
    else {
      source.putBack(first)
      await serveBy(first[0] ?? 0, source, parts)
    }
  } catch {
    client.destroy() // it came and went
  } finally {
    idle.cancel()
    parts.signal.removeEventListener('abort', onStop)
    closeSoon(client, parts.clock)
  }
}

/** It has been told all there is; one that stays nevertheless would hold a file descriptor. */
function closeSoon(client: Connection, clock: Clock): void {
  if (client.destroyed) return
  const late = clock.after(GOODBYE_MS, () => client.destroy(), { unref: true })
  client.once('close', () => late.cancel())
}

async function serveBy(version: number, source: ByteSource, parts: ServeParts): Promise<void> {
  if (version === SOCKS5) return serveSocks(source, parts)
  if (version !== SOCKS4) return serveHttp(source, parts)
  parts.say('socks4', 'a client speaks SOCKS4, which is not supported: let it use socks5h://, or the HTTP proxy')
  // "request rejected", as SOCKS4 says it.
  source.connection.end(Buffer.from([0, 0x5b, 0, 0, 0, 0, 0, 0]))
}

async function serveForward(client: Connection, forward: Forward, { serve, dial, names }: Parts & { names: Names }): Promise<void> {
  const to: Endpoint = { host: forward.name, port: Number(forward.port) || 0 }
  const wayToTarget = async () => wayTo(await resolveForward(names, forward), dial)
  const source = new ByteSource(client)
  try {
    const connected = await connectTo(to, client, { ...serve, wayTo: wayToTarget })
    await joinWith({ ...connected, source, to }, serve)
  } catch (error) {
    refuse(error, to, serve)
    resetConnection(client, asError(error))
  }
}

async function listenOn(at: Endpoint, onConnection: (client: Connection) => void, forward?: Forward): Promise<Listener> {
  try {
    return await listenTcp(at, onConnection)
  } catch (error) {
    const where = formatEndpoint(at)
    const another =
      forward === undefined ? 'leave --listen out, and any free port is taken' : `take another: --forward 0:${targetOf(forward)}`
    const why = errnoOf(error) === 'EADDRINUSE' ? 'is in use' : errnoOf(error) === 'EACCES' ? 'needs more rights' : 'cannot be listened on'
    throw new InterceptError('LOCAL_PORT_TAKEN', `${where} ${why}${forward === undefined ? '' : ` (--forward ${forward.text})`}`, {
      hint: `${another}; who has it: ss -ltnp 'sport = :${at.port}'`,
      cause: error
    })
  }
}
