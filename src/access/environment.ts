/** The variables that make programs use the proxy. Both spellings: curl and libwww read the lower one, Go and Java's tools either. Pure. */
import { CLUSTER_DOMAIN } from './names.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const LOOPBACK = ['localhost', '127.0.0.1', '::1']

/** To be set beside the person's own. */
export function proxyEnvironment(urls: { http: string; socks: string }, own: Environment, domain = CLUSTER_DOMAIN): Record<string, string> {
  const values = {
    HTTP_PROXY: urls.http,
    HTTPS_PROXY: urls.http,
    ALL_PROXY: urls.socks,
    NO_PROXY: noProxy([own['NO_PROXY'], own['no_proxy']], domain)
  }
  const both = Object.entries(values).flatMap(([name, value]) => [
    [name, value],
    [name.toLowerCase(), value]
  ])
  // Node 24 heeds the others only when it is told to.
  return Object.fromEntries([...both, ['NODE_USE_ENV_PROXY', own['NODE_USE_ENV_PROXY'] ?? '1']])
}

/** Loopback, and what the person keeps direct, less the entries that would hide names of the cluster. */
function noProxy(lists: readonly (string | undefined)[], domain: string): string {
  const entries = lists.flatMap(list => (list ?? '').split(/[\s,]+/)).filter(entry => entry !== '' && !hidesCluster(entry, domain))
  return [...new Set([...LOOPBACK, ...entries])].join(',')
}

/** `*`, `.svc`, `local`, and words without a dot, which may be Services. Addresses and networks hide no name. */
export function hidesCluster(entry: string, domain = CLUSTER_DOMAIN): boolean {
  if (/^[\d.]+(?:[:/]\d+)?$/.test(entry) || /^\[?[0-9a-f]*:[0-9a-f:]*/i.test(entry)) return false
  const name = entry
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\*?\.?/, '')
    .replace(/\.$/, '')
  if (name === 'localhost') return false
  if (!name.includes('.')) return !/^\*?\..+/.test(entry) || ['svc', ...domain.split('.')].includes(name)
  return [name, `${name}.${domain}`].some(full => full.endsWith(`.svc.${domain}`)) || `svc.${domain}`.endsWith(name)
}
