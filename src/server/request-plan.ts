/**
 * What becomes of one request: refused, or a head to forward. Faithful: names, values and order stay as sent. Changed are only what belongs to the
 * one connection (RFC 9110 §7.6.1): `Connection` and the fields it names, since every request gets a stream of its own; and an absolute target
 * becomes path and Host (RFC 9112 §3.2.2). Pure.
 */
import { ProtocolError } from '../base/errors.ts'
import { keepsAlive, requestFraming } from '../http/framing.ts'
import { parseRequestHead } from '../http/head.ts'
import { hasToken, header, oneOf, trimBlanks } from '../http/header.ts'
import type { Framing, RequestHead } from '../http/message.ts'
import { isIdempotentMethod } from '../http/safe-method.ts'

export interface PlannedRequest {
  head: RequestHead
  /** As the visitor named it, maybe with a port; '' in HTTP/1.0 without one. */
  host: string
  /** As the app gets it: a path with its query, or `*`. */
  target: string
  /** The head to send to the app; `keeps`: its connection may be used again. */
  forward: (keeps: boolean) => Buffer
  framing: Framing
  upgrade: boolean
  /** The visitor wants to use the connection again. */
  keepAlive: boolean
  /** May be sent again to another connector, as far as its method goes; with a body only while that is kept. */
  repeatable: boolean
}

/** Why a request is refused; `status` goes to the visitor. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const HOST = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[A-Za-z0-9.:%]*\])(?::\d*)?$/
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i
/** Belong to one connection whether `Connection` names them or not. */
const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection'])
/** `Connection` that names no field. */
const USUAL = /^(?:keep-alive|close|upgrade)$/i
const OF_UPGRADES: ReadonlySet<string> = new Set(['upgrade', 'http2-settings'])
const isOfConnection = oneOf([...HOP_BY_HOP, ...OF_UPGRADES])
/** Named in `Connection` by mistake or on purpose, their loss would change where the message goes or ends. */
const NEVER_DROPPED = new Set(['host', 'content-length', 'transfer-encoding', 'upgrade', 'expect'])

/** Throws RequestRefused. `tell` adds fields of this hop. */
export function planRequest(raw: Buffer, tell?: (fields: RequestHead['headers'], host: string) => RequestHead['headers']): PlannedRequest {
  const { head, framing } = parse(raw)
  if (head.method === 'CONNECT') throw new RequestRefused(405, 'CONNECT is not served here')
  const hosts = head.headers.filter(([name]) => name.length === 4 && name.toLowerCase() === 'host')
  if (hosts.length > 1 || (hosts.length === 0 && head.version === '1.1')) throw new RequestRefused(400, 'exactly one Host is needed')
  const { target, authority } = splitTarget(head)
  const host = authority ?? hosts[0]?.[1] ?? ''
  // RFC 9112 §6.3 lets equal lengths pass as one; what the app makes of them is not certain.
  if (header(head, 'content-length')?.includes(',') === true) throw new RequestRefused(400, 'more than one Content-Length')
  if (!HOST.test(host)) throw new RequestRefused(400, 'the Host is malformed')
  const upgrade = isUpgrade(head)
  return {
    head,
    host,
    target,
    forward: keeps =>
      keeps &&
      tell === undefined &&
      authority === undefined &&
      framing.kind === 'none' &&
      lengthsOf(head).length === 0 &&
      passesUnchanged(head)
        ? head.raw
        : forwardHead(head, { target, host: authority, upgrade, keeps, tell: fields => tell?.(fields, host) ?? fields }),
    framing,
    upgrade,
    keepAlive: keepsAlive(head) && head.version === '1.1',
    repeatable: isIdempotentMethod(head.method) && !upgrade
  }
}

function parse(raw: Buffer): { head: RequestHead; framing: Framing } {
  try {
    const head = parseRequestHead(raw)
    return { head, framing: requestFraming(head) }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    throw new RequestRefused(error.code === 'HTTP_VERSION' ? 505 : 400, error.message)
  }
}

function splitTarget({ method, target }: RequestHead): { target: string; authority: string | undefined } {
  if (target.startsWith('/') || (target === '*' && method === 'OPTIONS')) return { target, authority: undefined }
  const match = ABSOLUTE.exec(target)
  const [, authority = '', rest = ''] = match ?? []
  if (match === null || authority === '') throw new RequestRefused(400, 'the request target is malformed')
  return { target: rest.startsWith('/') ? rest : `/${rest}`, authority }
}

/** h2c is left out: it would carry requests past every rule that looks at one (and browsers never ask for it). */
const isUpgrade = (head: RequestHead): boolean => {
  const protocols = header(head, 'upgrade')
  return (
    protocols !== undefined &&
    head.version === '1.1' &&
    hasToken(head, 'connection', 'upgrade') &&
    !/(?:^|,)\s*h2c\s*(?:,|$)/i.test(protocols)
  )
}

/** Nothing in it belongs to one connection, so that it may travel as it came. Empty lines before it are left behind. */
export const passesUnchanged = ({ version, headers, raw }: { version: string; headers: RequestHead['headers']; raw: Buffer }): boolean =>
  version === '1.1' && raw[0] !== CR && !headers.some(([name]) => isOfConnection(name))

const CR = 13

/** The Content-Length fields. Where there is one in a request, it is written anew: apps differ in the blanks that they take. */
export const lengthsOf = ({ headers }: { headers: RequestHead['headers'] }): RequestHead['headers'] =>
  headers.filter(([name]) => name.length === 14 && name.toLowerCase() === 'content-length')

interface HeadOptions {
  target: string
  /** Where it was in the target. */
  host: string | undefined
  upgrade: boolean
  keeps: boolean
  tell: (fields: RequestHead['headers']) => RequestHead['headers']
}

function forwardHead(head: RequestHead, to: HeadOptions): Buffer {
  const dropped = connectionFields(head)
  const lines = [`${head.method} ${to.target} HTTP/${head.version}`]
  if (to.host !== undefined) lines.push(`Host: ${to.host}`)
  const ends = (name: string): boolean =>
    dropped.has(name) || (!to.upgrade && OF_UPGRADES.has(name)) || (to.host !== undefined && name === 'host')
  // After the dropping: a visitor could name the new fields in `Connection`.
  const fields = to.tell(head.headers.filter(([name]) => !ends(name.toLowerCase())))
  for (const [name, value] of fields) lines.push(`${name}: ${value}`)
  if (to.upgrade) lines.push('Connection: Upgrade')
  else if (!to.keeps || head.version === '1.0') lines.push('Connection: close')
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** Lower-case names of the fields that end at this hop. */
export function connectionFields(head: { headers: RequestHead['headers'] }): ReadonlySet<string> {
  const value = header(head, 'connection')
  if (value === undefined || USUAL.test(value)) return HOP_BY_HOP
  const named = value.split(',').map(name => trimBlanks(name).toLowerCase())
  return new Set([...HOP_BY_HOP, ...named.filter(name => !NEVER_DROPPED.has(name))])
}
