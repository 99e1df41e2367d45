/** Which proxy Go's `http.ProxyFromEnvironment` would take, so that we go where kubectl goes. Pure. Reference: golang.org/x/net/http/httpproxy. */
import type { Env } from './kubeconfig.ts'

/** Undefined: connect directly. */
export function proxyFromEnv(server: URL, env: Env): string | undefined {
  const either = (name: string): string => env[name.toUpperCase()] || env[name] || ''
  const proxy = server.protocol === 'https:' ? either('https_proxy') : env['REQUEST_METHOD'] ? '' : either('http_proxy')
  if (proxy === '') return undefined
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = server.port || (server.protocol === 'https:' ? '443' : '80')
  if (host === 'localhost' || isLoopback(host)) return undefined
  if (
    either('no_proxy')
      .split(',')
      .some(rule => matches(rule.trim().toLowerCase(), host, port))
  )
    return undefined
  return /^[a-z0-9+]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`
}

function matches(rule: string, host: string, port: string): boolean {
  if (rule === '') return false
  if (rule === '*') return true
  if (rule.includes('/')) return inNetwork(rule, host)
  const [name, rulePort] = splitPort(rule)
  if (rulePort !== undefined && rulePort !== port) return false
  const bare = name.replace(/^\[|\]$/g, '')
  if (parseIp(bare) !== undefined) return bare === host
  if (name.startsWith('*.')) return host.endsWith(name.slice(1))
  // `.example.com` matches only names below, `example.com` itself as well.
  return name.startsWith('.') ? host.endsWith(name) : host === name || host.endsWith(`.${name}`)
}

function splitPort(rule: string): [string, string | undefined] {
  const match = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(rule)
  return match === null ? [rule, undefined] : [match[1] ?? '', match[2]]
}

const isLoopback = (host: string): boolean => host === '::1' || (parseIp(host)?.length === 4 && host.startsWith('127.'))

function inNetwork(rule: string, host: string): boolean {
  const [base = '', bits = ''] = rule.split('/')
  const network = parseIp(base)
  const address = parseIp(host)
  if (network === undefined || address === undefined || network.length !== address.length || !/^\d+$/.test(bits)) return false
  const length = Number(bits)
  if (length > network.length * 8) return false
  return network.every((byte, index) => {
    const mask = 0xff & ~(0xff >> Math.min(8, Math.max(0, length - index * 8)))
    return (byte & mask) === ((address[index] ?? 0) & mask)
  })
}

/** 4 or 16 bytes. */
function parseIp(text: string): number[] | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const bytes = text.split('.').map(Number)
    return bytes.every(byte => byte <= 255) ? bytes : undefined
  }
  if (!text.includes(':')) return undefined
  try {
    return expandIpv6(new URL(`http://[${text}]`).hostname.slice(1, -1))
  } catch {
    return undefined
  }
}

/** The WHATWG form: lower case, at most one `::`, no dotted tail. */
function expandIpv6(text: string): number[] {
  const [head = '', tail] = text.split('::')
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map(group => Number.parseInt(group, 16)))
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const all = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]
  return all.flatMap(group => [group >> 8, group & 0xff])
}
