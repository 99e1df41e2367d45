/**
 * A small Kubernetes API server in this process: https with the certificates of test/fixtures, list (pages, selectors), get, watch (bookmarks, 410),
 * create, replace and delete, port-forward (SPDY in a WebSocket and v4), exec (v5 and v4), service proxy, SelfSubjectAccessReview, bearer tokens and client certificates. Counts TLS handshakes.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { type WebSocket, WebSocketServer } from 'ws'
import { RESOURCES } from '../../src/kube/resources.ts'
import type { Kind } from '../../src/kube/types.ts'
import { type ExecLookup, serveExec } from './fake-kubernetes/exec.ts'
import { FakeSpdyServer, serveV4 } from './fake-kubernetes/port-forward.ts'
import { proxyRequest, proxyUpgrade } from './fake-kubernetes/service-proxy.ts'
import { type FakeObject, FakeStore, selectorOf } from './fake-kubernetes/store.ts'
import { FakeWatch } from './fake-kubernetes/watch.ts'
import { write } from './fake-kubernetes/write.ts'

export interface FakeRequest {
  method: string
  url: string
  headers: IncomingMessage['headers']
  /** `get`, `list`, `watch`, `create`, with the resource as `pods` or `pods/portforward`; empty for paths that are no resource. */
  verb: string
  resource: string
  namespace: string | undefined
  name: string | undefined
  /** CN of the client certificate. */
  certificate: string | undefined
  /** The file descriptor's peer port: tells connections apart. */
  connection: number
}

export interface FakeKubernetesOptions {
  /** By kind: `{ pods: [{ metadata: { name: 'a' } }] }`; namespace `default` unless said otherwise. */
  objects?: Partial<Record<Kind, FakeObject[]>>
  /** Accepted bearer tokens; default: the one in the kubeconfig. `[]` with `anonymous` accepts all. */
  tokens?: string[]
  anonymous?: boolean
  /** `false`: an API server before 1.30, that refuses the SPDY subprotocol with 403 and no Status. */
  spdy?: boolean
  /** What commands in containers write; without it every command is unknown. */
  exec?: ExecLookup
  /** What TokenRequests are answered with; without it there is no ServiceAccount. */
  token?: (request: FakeTokenRequest) => { token: string; expiresAt: Date } | undefined
  /** Namespace of the kubeconfig's context. */
  namespace?: string
  port?: number
  /** Knows no version from before: whoever goes on watching from one is told 410. */
  compacted?: boolean
}

export interface FakeTokenRequest {
  namespace: string
  serviceAccount: string
  spec: { audiences: string[]; expirationSeconds?: number; boundObjectRef?: { kind: string; name: string; uid: string } }
}

export const FAKE_TOKEN = 'fake-token-0123456789'

const certs = path.join(import.meta.dirname, '../fixtures/certs')

export type FakeKubernetes = Awaited<ReturnType<typeof startFakeKubernetes>>

export async function startFakeKubernetes(options: FakeKubernetesOptions = {}) {
  const server = new Server(options)
  if (options.compacted === true) server.store.compact()
  const [cert, key, ca] = await Promise.all(['server.pem', 'server.key', 'ca.pem'].map(name => readFile(path.join(certs, name), 'utf8')))
  const listener = https.createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false, keepAliveTimeout: 60_000 })
  listener.on('connection', (socket: Socket) => server.connected(socket))
  listener.on('secureConnection', socket => server.secured(socket))
  listener.on('request', (request, response) => server.answer(request, response))
  listener.on('upgrade', (request, socket, head) => server.upgrade(request, socket, head))
  await new Promise<void>(resolve => {
    listener.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = listener.address() as AddressInfo
  const folder = await mkdtemp(path.join(tmpdir(), 'fake-kubernetes-'))
  const kubeconfigPath = path.join(folder, 'config')
  const kubeconfig = configFor({ port, ca: ca ?? '', token: options.tokens?.[0] ?? FAKE_TOKEN, namespace: options.namespace })
  await writeFile(kubeconfigPath, JSON.stringify(kubeconfig))
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    kubeconfig,
    kubeconfigPath,
    /** Oldest first; `length = 0` clears it. */
    requests: server.requests,
    tokens: server.tokens,
    get tlsHandshakes() {
      return server.handshakes
    },
    get openWatches() {
      return server.watches.size
    },
    get portForwards() {
      return server.forwards.size
    },
    spdyServers: server.spdyServers,
    set: (kind: Kind, object: FakeObject) => void server.store.set(kind, object),
    list: (kind: Kind) => server.store.list(kind, undefined, () => true),
    delete: (kind: Kind, name: string, namespace?: string) => server.store.delete(kind, name, namespace),
    compact: () => server.store.compact(),
    bookmark: () => server.watches.forEach(watch => watch.bookmark()),
    endWatches: () => server.watches.forEach(watch => watch.end()),
    /** A port of a pod leads to a port of this machine; undefined: connection refused. */
    forwardPort: (pod: string, podPort: number, localPort: number | undefined, namespace = 'default') =>
      void server.ports.set(`${namespace}/${pod}:${podPort}`, localPort),
    /** `port` as the client names it, number or name. */
    serviceBackend: (service: string, servicePort: number | string, localPort: number, namespace = 'default') =>
      void server.backends.set(`${namespace}/${service}:${servicePort}`, localPort),
    /** Refuses `VERB RESOURCE` (`list pods`, `get pods/portforward`), in one namespace or in all. */
    forbid: (verb: string, resource: string, namespace?: string) => void server.forbidden.push({ verb, resource, namespace }),
    /** The next `count` plain requests get this status (with a Status object). */
    failNext: (count: number, status: number) => void server.failures.push(...Array<number>(count).fill(status)),
    /** The other ends of the port-forwards stop reading: no data, no pong. */
    muteForwards: () => server.forwards.forEach(ws => ws.pause()),
    forwardSockets: () => [...server.forwards],
    closeForwards: () => server.forwards.forEach(ws => ws.terminate()),
    /** Called with each request before it is answered. */
    onRequest: (run: (asked: FakeRequest) => void) => {
      server.onRequest = run
    },
    /** TCP resets, as a crashing API server or a cut link gives. */
    resetConnections: () => server.sockets.forEach(socket => socket.resetAndDestroy()),
    /** Accepts nothing for requests that come now: no answer at all. */
    freeze: (on: boolean) => {
      server.frozen = on
    },
    async close() {
      const closed = new Promise(resolve => {
        listener.close(resolve)
      })
      for (const socket of server.sockets) socket.destroy()
      await closed
      await rm(folder, { recursive: true, force: true })
    }
  }
}

const configFor = ({ port, ca, token, namespace }: { port: number; ca: string; token: string; namespace: string | undefined }) => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'fake',
  clusters: [
    { name: 'fake', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }
  ],
  users: [{ name: 'developer', user: { token } }],
  contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'developer', ...(namespace === undefined ? {} : { namespace }) } }]
})

const KINDS = Object.keys(RESOURCES) as Kind[]
const isKind = (text: string): text is Kind => (KINDS as string[]).includes(text)

class Server {
  readonly store = new FakeStore()
  readonly requests: FakeRequest[] = []
  readonly sockets = new Set<Socket>()
  readonly watches = new Set<FakeWatch>()
  readonly forwards = new Set<WebSocket>()
  readonly spdyServers: FakeSpdyServer[] = []
  readonly ports = new Map<string, number | undefined>()
  readonly backends = new Map<string, number>()
  readonly forbidden: { verb: string; resource: string; namespace: string | undefined }[] = []
  readonly failures: number[] = []
  readonly tokens: Set<string>
  readonly #options: FakeKubernetesOptions
  readonly #upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  onRequest: (asked: FakeRequest) => void = () => {}
  handshakes = 0
  frozen = false

  constructor(options: FakeKubernetesOptions) {
    this.#options = options
    this.tokens = new Set(options.tokens ?? [FAKE_TOKEN])
    for (const kind of KINDS) for (const object of options.objects?.[kind] ?? []) this.store.set(kind, object)
    this.#upgrades.on('headers', (headers, request) => {
      const chosen = (request as IncomingMessage & { chosen?: string }).chosen
      if (chosen !== undefined) headers.push(`Sec-WebSocket-Protocol: ${chosen}`)
    })
  }

  connected(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => this.sockets.delete(socket))
  }

  secured(socket: TLSSocket): void {
    this.handshakes += 1
    socket.on('error', () => {})
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const asked = this.#log(request)
    if (this.frozen) return
    const fail = (code: number, reason: string, message: string): void => send(request, response, status(code, reason, message), code)
    const failure = this.failures.shift()
    if (failure !== undefined) return fail(failure, 'InternalError', 'told to fail')
    if (!this.#authenticated(request)) return fail(401, 'Unauthorized', 'Unauthorized')
    if (asked.url.startsWith('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews')) return void this.#review(request, response)
    if (asked.resource === '') return fail(404, 'NotFound', 'the server could not find the requested resource')
    if (!this.#allowed(asked)) return fail(403, 'Forbidden', forbiddenText(asked))
    if (asked.resource === 'services/proxy') return this.#proxy(request, response, asked)
    if (asked.resource === 'serviceaccounts/token') return void this.#token(request, response, asked)
    if (asked.method === 'GET') this.#read(request, response, asked)
    else void this.#write(request, response, asked)
  }

  async #write(request: IncomingMessage, response: ServerResponse, asked: FakeRequest): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { code, body } = write(this.store, asked, Buffer.concat(chunks).toString())
    send(request, response, code < 300 ? body : status(code, code === 409 ? 'Conflict' : 'NotFound', 'told by the fake'), code)
  }

  #read(request: IncomingMessage, response: ServerResponse, asked: FakeRequest): void {
    const kind = asked.resource as Kind
    const query = new URL(asked.url, 'https://x').searchParams
    const matches = selectorOf(query.get('labelSelector') ?? '', query.get('fieldSelector') ?? '')
    if (asked.verb === 'get') {
      const object = this.store.get(kind, asked.namespace ?? 'default', asked.name ?? '')
      return object === undefined
        ? send(request, response, status(404, 'NotFound', `${kind} "${asked.name ?? ''}" not found`), 404)
        : send(request, response, object)
    }
    if (asked.verb === 'watch') {
      const since = Number(query.get('resourceVersion') ?? 0)
      const watch = new FakeWatch(response, this.store, {
        kind,
        namespace: asked.namespace,
        since,
        matches,
        bookmarks: query.get('allowWatchBookmarks') === 'true',
        timeoutSeconds: Number(query.get('timeoutSeconds') ?? 3600)
      })
      this.watches.add(watch)
      void watch.closed.then(() => this.watches.delete(watch))
      return
    }
    const all = this.store.list(kind, asked.namespace, matches)
    const limit = Number(query.get('limit') ?? 0) || all.length
    const [from, version] = (query.get('continue') ?? `0:${this.store.version}`).split(':').map(Number)
    if (query.has('continue') && this.store.since(version ?? 0) === undefined) {
      return send(request, response, status(410, 'Expired', 'The provided continue parameter is too old'), 410)
    }
    const end = (from ?? 0) + limit
    send(request, response, {
      kind: 'List',
      metadata: { resourceVersion: String(version), ...(end < all.length ? { continue: `${end}:${version}` } : {}) },
      items: all.slice(from ?? 0, end)
    })
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const asked = this.#log(request)
    socket.on('error', () => {})
    if (this.frozen) return
    const fail = (code: number, reason: string, message: string): void =>
      refuse(socket, code, JSON.stringify(status(code, reason, message)))
    if (!this.#authenticated(request)) return fail(401, 'Unauthorized', 'Unauthorized')
    if (!this.#allowed(asked)) return fail(403, 'Forbidden', forbiddenText(asked))
    if (asked.resource === 'services/proxy') {
      const to = this.#backend(asked)
      return to === undefined ? fail(503, 'ServiceUnavailable', 'no endpoints available for service') : proxyUpgrade(request, socket, to)
    }
    if (asked.resource !== 'pods/portforward' && asked.resource !== 'pods/exec') return fail(404, 'NotFound', 'not found')
    if (this.store.get('pods', asked.namespace ?? '', asked.name ?? '') === undefined) {
      return fail(404, 'NotFound', `pods "${asked.name ?? ''}" not found`)
    }
    if (asked.resource === 'pods/exec') this.#exec(request, socket, { head, asked })
    else this.#portForward(request, socket, { head, asked })
  }

  #portForward(request: IncomingMessage, socket: Duplex, { head, asked }: { head: Buffer; asked: FakeRequest }): void {
    const wanted = request.headers['sec-websocket-protocol'] ?? ''
    const spdy = wanted === 'SPDY/3.1+portforward.k8s.io'
    if (spdy ? this.#options.spdy === false : wanted !== 'v4.channel.k8s.io') return refuse(socket, 403, '')
    delete request.headers['sec-websocket-protocol']
    Object.assign(request, { chosen: wanted })
    const lookup = (port: number): number | undefined => this.ports.get(`${asked.namespace ?? ''}/${asked.name ?? ''}:${port}`)
    this.#upgrades.handleUpgrade(request, socket, head, ws => {
      this.forwards.add(ws)
      ws.on('close', () => this.forwards.delete(ws))
      if (spdy) this.spdyServers.push(new FakeSpdyServer(ws, lookup))
      else serveV4(ws, Number(new URL(asked.url, 'https://x').searchParams.get('ports')), lookup)
    })
  }

  #exec(request: IncomingMessage, socket: Duplex, { head, asked }: { head: Buffer; asked: FakeRequest }): void {
    const wanted = request.headers['sec-websocket-protocol'] ?? ''
    if (wanted !== (this.#options.spdy === false ? 'v4.channel.k8s.io' : 'v5.channel.k8s.io')) return refuse(socket, 403, '')
    delete request.headers['sec-websocket-protocol']
    Object.assign(request, { chosen: wanted })
    this.#upgrades.handleUpgrade(request, socket, head, ws => {
      ws.on('error', () => {})
      serveExec(ws, asked.url, this.#options.exec ?? (() => undefined))
    })
  }

  async #review(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const review = JSON.parse(Buffer.concat(chunks).toString()) as {
      spec: { resourceAttributes: { verb: string; resource: string; subresource?: string; namespace?: string } }
    }
    if (this.forbidden.some(rule => rule.resource === 'selfsubjectaccessreviews')) {
      return send(request, response, status(403, 'Forbidden', 'cannot create resource'), 403)
    }
    const { verb, resource, subresource = '', namespace } = review.spec.resourceAttributes
    const full = subresource === '' ? resource : `${resource}/${subresource}`
    send(request, response, { ...review, status: { allowed: this.#allowed({ verb, resource: full, namespace }) } }, 201)
  }

  async #token(request: IncomingMessage, response: ServerResponse, { namespace = '', name = '' }: FakeRequest): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Pick<FakeTokenRequest, 'spec'>
    const given = this.#options.token?.({ namespace, serviceAccount: name, spec: body.spec })
    if (given === undefined) return send(request, response, status(404, 'NotFound', `serviceaccounts "${name}" not found`), 404)
    send(request, response, { ...body, status: { token: given.token, expirationTimestamp: given.expiresAt.toISOString() } }, 201)
  }

  #proxy(request: IncomingMessage, response: ServerResponse, asked: FakeRequest): void {
    const to = this.#backend(asked)
    if (to === undefined) return send(request, response, status(503, 'ServiceUnavailable', 'no endpoints available for service'), 503)
    proxyRequest(request, response, to)
  }

  #backend(asked: FakeRequest): { port: number; path: string } | undefined {
    const [, service = '', port = ''] = (asked.name ?? '').split(':')
    const local = this.backends.get(`${asked.namespace ?? ''}/${service}:${port}`)
    return local === undefined ? undefined : { port: local, path: asked.url.replace(/^.*?\/proxy(?=\/|$)/, '') || '/' }
  }

  #authenticated(request: IncomingMessage): boolean {
    if (this.#options.anonymous === true) return true
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1]
    return token === undefined ? (request.socket as TLSSocket).authorized : this.tokens.has(token)
  }

  #allowed({ verb, resource, namespace }: Pick<FakeRequest, 'verb' | 'resource' | 'namespace'>): boolean {
    return !this.forbidden.some(
      rule => rule.verb === verb && rule.resource === resource && (rule.namespace === undefined || rule.namespace === namespace)
    )
  }

  #log(request: IncomingMessage): FakeRequest {
    const socket = request.socket as TLSSocket
    const peer = socket.getPeerCertificate()
    const asked = {
      ...parsePath(request.method ?? 'GET', request.url ?? ''),
      headers: { ...request.headers },
      certificate: peer?.subject === undefined ? undefined : String(peer.subject.CN),
      connection: socket.remotePort ?? 0
    }
    this.requests.push(asked)
    this.onRequest(asked)
    return asked
  }
}

function parsePath(method: string, url: string): Omit<FakeRequest, 'headers' | 'certificate' | 'connection'> {
  const parsed = new URL(url, 'https://x')
  const match = /^\/(?:api\/v1|apis\/[^/]+\/v1)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?/.exec(parsed.pathname)
  const [, namespace, plural = '', name, sub] = match ?? []
  const known = isKind(plural) || plural === 'serviceaccounts'
  const read = name === undefined ? (parsed.searchParams.get('watch') === 'true' ? 'watch' : 'list') : 'get'
  return {
    method,
    url,
    verb: !known
      ? ''
      : method === 'GET' || method === 'HEAD'
        ? read
        : method === 'PUT'
          ? 'update'
          : method === 'DELETE'
            ? 'delete'
            : 'create',
    resource: !known ? '' : sub === undefined ? plural : `${plural}/${sub}`,
    namespace,
    name: name === undefined ? undefined : decodeURIComponent(name)
  }
}

const status = (code: number, reason: string, message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code,
  reason,
  message
})

const forbiddenText = ({ verb, resource, namespace }: FakeRequest): string =>
  `${resource} is forbidden: User "developer" cannot ${verb} resource "${resource}" in API group "" in the namespace "${namespace ?? ''}"`

function send(request: IncomingMessage, response: ServerResponse, body: unknown, code = 200): void {
  const text = Buffer.from(JSON.stringify(body))
  const zip = text.length > 128 * 1024 && /gzip/.test(request.headers['accept-encoding'] ?? '')
  response.writeHead(code, { 'Content-Type': 'application/json', ...(zip ? { 'Content-Encoding': 'gzip' } : {}) })
  response.end(zip ? gzipSync(text) : text)
}

function refuse(socket: Duplex, code: number, body: string): void {
  socket.end(
    `HTTP/1.1 ${code} X\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  )
}
