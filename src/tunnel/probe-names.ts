/**
 * The names that probes of ours carry, through any server: as the destination of a relay CONNECT, or as the path of a request. Behind the nonce
 * may stand the session that looks for itself: a server of ours gives the probe to it, whatever its filter.
 */

const HOST_SUFFIX = '.probe.invalid'
export const PATH_PREFIX = '/.well-known/kubectl-intercept/'
/** A random part, behind a filter also the session. */
const PROBE_PATH = /^\/\.well-known\/kubectl-intercept\/[0-9a-f]{32}(?:\.[0-9a-f-]{36})?$/
/** Between nonce and session. */
const SEPARATOR = '.'

export const probeHost = (nonce: string): string => `${nonce}${HOST_SUFFIX}`

/** The nonce in a stream's destination, when it is a probe of anybody. */
export const nonceOf = (host: string): string | undefined => (host.endsWith(HOST_SUFFIX) ? host.slice(0, -HOST_SUFFIX.length) : undefined)

/** The nonce in a request's path. */
export const pathNonceOf = (path: string): string | undefined => (path.startsWith(PATH_PREFIX) ? path.slice(PATH_PREFIX.length) : undefined)

/** A path probe as sessions send it. Not just its path: what a stranger asks for there is shown. */
export const isPathProbe = (method: string, path: string): boolean => method === 'HEAD' && PROBE_PATH.test(path)

export const nonceFor = (random: string, session: string): string => `${random}${SEPARATOR}${session}`

/** The session that a nonce names. */
export function sessionOf(nonce: string): string | undefined {
  const at = nonce.indexOf(SEPARATOR)
  return at < 0 ? undefined : nonce.slice(at + 1)
}
