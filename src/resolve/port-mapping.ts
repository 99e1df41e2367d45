/** `--port [NAME=]LOCAL[:REMOTE]` as typed → its parts. */
import { InterceptError } from '../base/errors.ts'
import type { PortMapping } from './types.ts'

const FORM = 'kubectl intercept TARGET --port [NAME=]LOCAL[:REMOTE], for example --port 8080, --port 127.0.0.1:8080:http, --port cart=8080'
export const DEFAULT_HOST = '127.0.0.1'

/** Throws BAD_USAGE with the form. */
export function parsePortMapping(text: string): PortMapping {
  const cut = text.indexOf('=')
  const name = cut < 0 ? undefined : text.slice(0, cut)
  if (name === '') throw badPort(text, 'the name before = is empty')
  const { host, port, rest } = splitLocal(text, text.slice(cut + 1))
  if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    throw badPort(text, `${port === '' ? 'nothing' : port} is no port (1 to 65535)`)
  if (rest !== undefined && !/^(?:\d{1,5}|[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)$/i.test(rest)) {
    throw badPort(text, rest === '' ? 'nothing stands after the last colon' : `${rest} is neither a port number nor a port name`)
  }
  return { name, local: { host, port: Number(port) }, remote: rest }
}

/** A first segment of digits is the port; else it is the host, IPv6 in brackets. */
function splitLocal(text: string, value: string): { host: string; port: string; rest: string | undefined } {
  const bracket = /^\[([0-9a-f:.%\w]*)\]:([^:]*)(?::(.*))?$/i.exec(value)
  if (bracket !== null) return { host: bracket[1] ?? '', port: bracket[2] ?? '', rest: bracket[3] }
  const segments = value.split(':')
  const [first = '', second, third] = segments
  if (value.startsWith('[') || segments.length > 3 || (segments.length === 3 && /^\d*$/.test(first)))
    throw badPort(text, 'it has too many colons (IPv6 addresses stand in brackets)')
  if (/^\d+$/.test(first)) return { host: DEFAULT_HOST, port: first, rest: second }
  if (second === undefined) return { host: DEFAULT_HOST, port: first, rest: undefined }
  return { host: first === '' ? DEFAULT_HOST : first, port: second, rest: third }
}

const badPort = (text: string, why: string): InterceptError =>
  new InterceptError('BAD_USAGE', `--port ${text} is not understood: ${why}`, { hint: FORM })
