/** Reads the values of flags: each reader takes what was typed and gives a value, or says in one sentence what is wrong and what would be right. */
import type { Endpoint } from '../base/connection.ts'
import { parseDuration } from '../base/duration.ts'
import type { InterceptError } from '../base/errors.ts'
import { parseHostPort } from '../discovery/address.ts'
import { badUsage, commandLine, quoted } from './usage-error.ts'

/** What a person typed after which flag. */
export interface Typed {
  flag: string
  text: string
  /** Whose help tells more. */
  command?: string
}

const wrong = ({ flag, text, command = 'intercept' }: Typed, must: string, example: string): InterceptError =>
  badUsage(
    `${flag} must be ${must}, not ${quoted(text)}`,
    `for example: ${flag}${flag.endsWith('=') ? '' : ' '}${example}; all flags: ${commandLine(command)} --help`
  )

export function readWhole(typed: Typed, range: { min: number; max: number; example: number }): number {
  const value = /^\d{1,9}$/.test(typed.text) ? Number(typed.text) : Number.NaN
  if (!(value >= range.min && value <= range.max)) {
    throw wrong(typed, `a whole number from ${range.min} to ${range.max}`, String(range.example))
  }
  return value
}

/** `25` or `25%` → 0.25. A fraction such as `0.25` is refused: it could be meant as a quarter of a percent. */
export function readPercent(typed: Typed): number {
  const [, digits] = /^(\d{1,3}(?:\.\d+)?)%?$/.exec(typed.text) ?? []
  const percent = digits === undefined ? Number.NaN : Number(digits)
  if (!(percent >= 1 && percent <= 100)) throw wrong(typed, 'a percentage from 1 to 100', '25%')
  return percent / 100
}

const DAY_MS = 24 * 3_600_000

/** Milliseconds, at most a day. */
export function readDuration(typed: Typed): number {
  const total = parseDuration(typed.text)
  if (total === undefined) throw wrong(typed, 'a duration such as 500ms, 10s or 1m30s', '10s')
  if (total > DAY_MS) throw wrong(typed, 'at most 24h', '10s')
  return total
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

/** Lower case with dashes. The text itself is a secret and stays out of the message. */
export function readUuid({ flag, text }: Typed): string {
  const trimmed = text.trim()
  if (!UUID.test(trimmed)) {
    throw badUsage(
      `${flag} is not a UUID (32 hexadecimal digits, as in gost's tunnel.id=)`,
      'take the one of the sidecar, or let the cluster be searched: kubectl intercept list'
    )
  }
  const hex = trimmed.replaceAll('-', '').toLowerCase()
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** `named`: those that the message names, where more are taken. */
export function readUrl(typed: Typed, schemes: readonly string[], example: string, named = schemes): URL {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(typed.text)?.[1]?.toLowerCase()
  const url = scheme !== undefined && schemes.includes(scheme) ? URL.parse(typed.text) : null
  if (url === null || url.hostname === '') throw wrong(typed, `a URL with ${orList(named.map(name => `${name}://`))}`, example)
  return url
}

/** `:9090`, `127.0.0.1:9090`, `[::1]:9090`; host '' is every address. */
export function readListen(typed: Typed, example: string): Endpoint {
  const address = parseHostPort(typed.text)
  if (address === undefined) throw wrong(typed, 'an address to listen on, [HOST]:PORT', example)
  return address
}

export function readChoice<T extends string>(typed: Typed, choices: readonly [T, ...T[]]): T {
  const found = choices.find(choice => choice === typed.text)
  if (found === undefined) throw wrong(typed, orList(choices), choices[0])
  return found
}

/** `a`, `a or b`, `a, b or c`. */
export const orList = (items: readonly string[]): string =>
  items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} or ${items.at(-1) ?? ''}`
