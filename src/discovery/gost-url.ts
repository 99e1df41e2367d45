/** The URL form of -L and -F, read as Go's net/url does where gost depends on it (x/config/cmd/cmd.go Norm, cutHost). */
import { type Params, parseQuery, unescape } from './param.ts'
import type { Auth } from './types.ts'

export interface GostUrl {
  /** Lower case. */
  scheme: string
  user: Auth | undefined
  /** Everything between userinfo and path: may be a list, a range, or empty. */
  host: string
  /** As written, with its leading slash. */
  path: string
  params: Params
}

/** Undefined when Go refuses the text. No scheme means `auto`, `https` means `http+tls`. */
export function parseGostUrl(text: string): GostUrl | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  const full = trimmed.startsWith(':') || !trimmed.includes('://') ? `auto://${trimmed}` : trimmed
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?/.exec(full)
  if (match === null) return undefined
  const [, written = '', authority = '', path = '', query = ''] = match
  const at = authority.lastIndexOf('@')
  const user = at < 0 ? undefined : parseUser(authority.slice(0, at))
  if (at >= 0 && user === undefined) return undefined
  const scheme = written.toLowerCase()
  return { scheme: scheme === 'https' ? 'http+tls' : scheme, user, host: authority.slice(at + 1), path, params: parseQuery(query) }
}

function parseUser(text: string): Auth | undefined {
  const cut = text.indexOf(':')
  const user = unescape(cut < 0 ? text : text.slice(0, cut))
  const password = unescape(cut < 0 ? '' : text.slice(cut + 1))
  return user === undefined || password === undefined ? undefined : { user, password }
}

/** The `auth=` parameter: base64 of `user:pass` or `user`, URL alphabet without padding first, then the standard one. */
export function parseAuthParam(text: string): Auth | undefined {
  if (!/^(?:[A-Za-z0-9_-]+|(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.test(text)) return undefined
  const decoded = Buffer.from(text, 'base64').toString('utf8')
  const cut = decoded.indexOf(':')
  return cut < 0 ? { user: decoded, password: '' } : { user: decoded.slice(0, cut), password: decoded.slice(cut + 1) }
}
