/** kubectl's flags and environment → a `Cluster`. Reads files, contacts nothing: the first request does. */
import { closeAll, closeOnce } from '../base/closable.ts'
import type { Clock } from '../base/clock.ts'
import type { Dial } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { type ApiClient, apiClient } from './api-client.ts'
import { dialApiServer, dialApiServerRaw } from './api-socket.ts'
import { noCredentials, readPem, userCredentials } from './credentials.ts'
import { podExec } from './exec.ts'
import { podExecConnection } from './exec-connection.ts'
import { podExecStream } from './exec-stream.ts'
import { type ClusterAccess, type Env, type KubeFlags, loadClusterAccess } from './kubeconfig.ts'
import { requestTimeoutMs } from './kubeconfig-overrides.ts'
import { createLease, deleteLease, replaceLease } from './leases.ts'
import { getOne, listAll } from './list.ts'
import { canI } from './permissions.ts'
import { type ForwardOptions, podForwarder } from './port-forward.ts'
import { proxyFromEnv } from './proxy-from-env.ts'
import { serviceProxyRequest, serviceProxySocket } from './service-proxy.ts'
import { requestToken } from './token-request.ts'
import type { Cluster, PodForwarder, Watch } from './types.ts'
import { startWatch, WATCH_SETTINGS, type WatchSettings } from './watch.ts'

export interface ClusterOptions extends KubeFlags {
  env: Env
  home: string
  log: Logger
  clock: Clock
  /** One line for the person: something is odd, but works. */
  warn: (line: string) => void
  /** Somebody sits at a terminal: credential plugins may ask. */
  interactive?: boolean | undefined
  /** Sent as User-Agent. */
  userAgent?: string | undefined
  watchSettings?: Partial<WatchSettings> | undefined
  forwardSettings?: Pick<ForwardOptions, 'limits' | 'confirmMs'> | undefined
}

const REQUEST_TIMEOUT_MS = 30_000

/** Throws KUBECONFIG_INVALID, BAD_USAGE. */
export async function connectCluster(options: ClusterOptions): Promise<Cluster> {
  const { access, client, dialRaw } = await clusterClient(options)
  const { clock, log } = options
  const forwarders = new Map<string, PodForwarder>()
  const watches = new Set<Watch>()
  const dialect = { spdy: true }
  return {
    context: access.context,
    namespace: access.namespace,
    server: client.server,
    user: client.user,
    list: async (kind, listOptions) => (await listAll(client, kind, listOptions)).items,
    get: (kind, namespace, name, signal) => getOne(client, kind, { namespace, name, signal }),
    watch(kind, listOptions, onChange) {
      const settings = { ...WATCH_SETTINGS, ...options.watchSettings }
      const watch = startWatch({ client, clock, log, settings }, { kind, options: listOptions }, onChange)
      watches.add(watch)
      return { ready: watch.ready, close: () => watch.close().finally(() => watches.delete(watch)) }
    },
    forwarder(namespace, pod) {
      const key = `${namespace}/${pod}`
      const known = forwarders.get(key)
      if (known !== undefined) return known
      const made = podForwarder({ client, namespace, pod, clock, log: log.child('forward'), dialect, ...options.forwardSettings })
      const shared: PodForwarder = { dial: made.dial, close: () => made.close().finally(() => forwarders.delete(key)) }
      forwarders.set(key, shared)
      return shared
    },
    serviceProxySocket: serviceProxySocket(client, clock),
    serviceProxyRequest: serviceProxyRequest(client),
    exec: podExec(client, clock),
    execStream: podExecStream(client, clock),
    execConnection: podExecConnection(client, clock),
    dialServer: dialRaw,
    requestToken: requestToken(client),
    createLease: createLease(client),
    replaceLease: replaceLease(client),
    deleteLease: deleteLease(client),
    canI: canI(client),
    close: closeOnce(async () => {
      await closeAll([...watches, ...forwarders.values()])
      await client.close()
    })
  }
}

/** The part below `Cluster`: for benchmarks and requests that `Cluster` does not have. */
export async function clusterClient(options: ClusterOptions): Promise<{ access: ClusterAccess; client: ApiClient; dialRaw: Dial }> {
  const access = await loadClusterAccess(options, options.env, options.home)
  const server = serverUrl(access)
  const proxyUrl = checkProxy(access.cluster.proxyUrl ?? proxyFromEnv(server, options.env))
  return {
    access,
    client: await clientFor(access, { ...options, apiServer: server, proxyUrl }),
    dialRaw: dialApiServerRaw({ server, proxyUrl })
  }
}

interface Way {
  apiServer: URL
  proxyUrl: string | undefined
}

async function clientFor(access: ClusterAccess, options: ClusterOptions & Way): Promise<ApiClient> {
  const { apiServer: server, proxyUrl } = options
  const { cluster, user } = access
  const secure = server.protocol === 'https:'
  const ca = cluster.insecureSkipTlsVerify
    ? undefined
    : (cluster.certificateAuthorityData ?? (await readPem(cluster.certificateAuthority, 'certificate-authority')))
  if (!secure && (user.token ?? user.tokenFile ?? user.exec) !== undefined) {
    options.warn(`credentials are not sent to ${server.origin}: it is plain http (as with kubectl)`)
  }
  const credentials = secure
    ? userCredentials(user, { access, ca, proxyUrl, env: options.env, interactive: options.interactive === true }, options.clock)
    : noCredentials
  const dial = dialApiServer({
    server,
    ca,
    insecure: cluster.insecureSkipTlsVerify,
    tlsServerName: cluster.tlsServerName,
    proxyUrl,
    certificate: () => credentials.certificate(),
    clock: options.clock
  })
  return apiClient({
    server,
    user: `${access.userName || user.impersonate || 'anonymous'}@${access.clusterName || server.host}`,
    dial,
    credentials,
    clock: options.clock,
    log: options.log,
    userAgent: options.userAgent ?? 'kubectl-intercept',
    requestTimeoutMs: requestTimeoutMs(options.requestTimeout) ?? REQUEST_TIMEOUT_MS,
    compression: !cluster.disableCompression
  })
}

/** Without a scheme kubectl takes https when anything about TLS is configured, else http. */
function serverUrl({ cluster, user, clusterName }: ClusterAccess): URL {
  const tls = cluster.certificateAuthority ?? cluster.certificateAuthorityData ?? user.clientCertificate ?? user.clientCertificateData
  const scheme = tls !== undefined || cluster.insecureSkipTlsVerify ? 'https' : 'http'
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(cluster.server) ? cluster.server : `${scheme}://${cluster.server}`
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InterceptError('KUBECONFIG_INVALID', `cluster "${clusterName}": server "${cluster.server}" is not an http or https URL`, {
      hint: 'kubectl config view --minify'
    })
  }
  return url
}

function checkProxy(proxyUrl: string | undefined): string | undefined {
  if (proxyUrl === undefined) return undefined
  const url = URL.parse(proxyUrl)
  if (url !== null && /^(?:https?|socks5h?):$/.test(url.protocol)) return proxyUrl
  throw new InterceptError(
    'KUBECONFIG_INVALID',
    `proxy-url "${url === null ? proxyUrl : url.protocol}" is not an http, https or socks5 URL`,
    {
      hint: 'kubectl config view --minify'
    }
  )
}
