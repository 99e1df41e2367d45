/** Addresses as Go's net.SplitHostPort reads them, and gost's port ranges (x/internal/net/addr.go). */

export interface HostPort {
  /** Without brackets; '' for `:80`. */
  host: string
  port: number
}

/** Undefined without a port, or with one that is no number of 0…65535. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(text)
  const port = Number(match?.[3] ?? NaN)
  return match === null || port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? '', port }
}

/** As typed by people: IPv6 in brackets. */
export const formatHostPort = ({ host, port }: HostPort): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)

/** More services than this from one range help nobody, and would cost memory. */
const LARGEST_RANGE = 1_024

/** `host:9000-9010` → eleven addresses; a port that is no number becomes 0; text without a port stays as it is. */
export function expandPortRange(text: string): string[] {
  const match = /^(\[[^\]]*\]|[^:]*):([^:]*)$/.exec(text)
  if (match === null || text.includes('://')) return [text]
  const [, host = '', ports = ''] = match
  const range = /^(\d+)-(\d+)$/.exec(ports)
  if (range === null) return [`${host}:${/^\d+$/.test(ports) && Number(ports) <= 65_535 ? Number(ports) : 0}`]
  const first = Number(range[1])
  const count = Math.min(Number(range[2]) - first + 1, LARGEST_RANGE)
  if (count <= 0) return [text]
  return Array.from({ length: count }, (_, index) => `${host}:${first + index}`)
}

/** The pod itself. */
export const isLoopback = (host: string): boolean =>
  host === '' || host === 'localhost' || host === '::1' || host === '0.0.0.0' || host === '::' || /^127(?:\.\d{1,3}){3}$/.test(host)

export const isIp = (host: string): boolean => /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) || host.includes(':')
