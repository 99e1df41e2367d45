/**
 * Two answers to the same request: do they say the same? Status, headers without those that differ each time, and the body: JSON by its values,
 * text by lines, anything else by bytes. Values of secret headers are compared and never told. Pure, and bounded in time.
 */
import type { Header } from '../event/types.ts'
import { header } from '../http/header.ts'
import { decodeBody } from './decode-body.ts'
import { type DiffLine, diffLines } from './diff.ts'
import { canonicalJson, jsonDifferences } from './diff-json.ts'
import type { KeptResponse } from './kept.ts'
import { type Mask, maskHeaders } from './mask.ts'

export interface Comparison {
  readonly equal: boolean
  /** `200 → 500`. */
  readonly status?: string
  /** One sentence a header. */
  readonly headers: readonly string[]
  /** What differs in the body, in short. */
  readonly body?: string
  /** Both bodies as lines, for a screen; empty when both are empty or neither is text. */
  readonly lines: readonly DiffLine[]
}

export type Answer = Pick<KeptResponse, 'status' | 'headers' | 'body'>

/** They differ from one answer to the next without meaning anything, or follow from the body, which is compared itself. */
const VOLATILE = new Set(
  `date age expires last-modified etag content-length transfer-encoding content-encoding connection keep-alive server-timing x-request-id
  x-correlation-id x-trace-id x-runtime x-response-time x-envoy-upstream-service-time traceparent tracestate cf-ray via set-cookie2`.split(
    /\s+/
  )
)
const MASKED = maskHeaders()

export function compareAnswers(before: Answer, after: Answer, mask: Mask = MASKED): Comparison {
  const status = before.status === after.status ? undefined : `${before.status} → ${after.status}`
  const headers = headerDifferences(before.headers, after.headers, mask)
  const { body, lines } = compareBodies(before, after)
  const equal = status === undefined && headers.length === 0 && body === undefined
  return { equal, headers, lines, ...(status === undefined ? {} : { status }), ...(body === undefined ? {} : { body }) }
}

function headerDifferences(before: readonly Header[], after: readonly Header[], mask: Mask): string[] {
  const old = byName(before)
  const fresh = byName(after)
  const secret = new Set(mask([...before, ...after]).masked.map(name => name.toLowerCase()))
  const said = (name: string, values: readonly string[]): string => (secret.has(name) ? '••••••' : values.join(', '))
  const found: string[] = []
  for (const name of new Set([...old.keys(), ...fresh.keys()])) {
    if (VOLATILE.has(name)) continue
    const a = old.get(name)
    const b = fresh.get(name)
    if (a === undefined) found.push(`${name}: new, ${said(name, b ?? [])}`)
    else if (b === undefined) found.push(`${name}: gone, was ${said(name, a)}`)
    // A cookie's value is new each time; that it is set, and which, is what counts.
    else if (sameness(name, a) !== sameness(name, b)) found.push(`${name}: ${said(name, a)} → ${said(name, b)}`)
  }
  return found
}

const sameness = (name: string, values: readonly string[]): string =>
  name === 'set-cookie' ? values.map(value => value.split('=', 1)[0] ?? '').join() : values.join('\u0000')

function byName(headers: readonly Header[]): Map<string, string[]> {
  const names = new Map<string, string[]>()
  for (const [name, value] of headers) {
    const key = name.toLowerCase()
    const values = names.get(key)
    if (values === undefined) names.set(key, [value])
    else values.push(value)
  }
  return names
}

function compareBodies(before: Answer, after: Answer): { body?: string; lines: readonly DiffLine[] } {
  const a = contentOf(before)
  const b = contentOf(after)
  if (a.json !== undefined && b.json !== undefined) {
    const differences = jsonDifferences(a.json.value, b.json.value)
    const lines = diffLines(canonicalJson(a.json.value).split('\n'), canonicalJson(b.json.value).split('\n'))
    return differences.length === 0 ? { lines } : { lines, body: differences.join('\n') }
  }
  const cut = before.body.truncated || after.body.truncated
  if (before.body.size !== after.body.size && cut) return { lines: [], body: `${before.body.size} → ${after.body.size} bytes` }
  if (a.text === undefined || b.text === undefined) return { lines: [], ...byBytes(a.bytes, b.bytes) }
  const lines = diffLines(a.text.split(/\r?\n/), b.text.split(/\r?\n/))
  if (a.text === b.text) return { lines }
  const gone = lines.filter(({ mark }) => mark === '-').length
  const come = lines.filter(({ mark }) => mark === '+').length
  return { lines, body: `${gone} line${gone === 1 ? '' : 's'} gone, ${come} new` }
}

interface Content {
  bytes: Buffer
  text: string | undefined
  json: { value: unknown } | undefined
}

function contentOf({ headers, body }: Answer): Content {
  const { bytes } = decodeBody(body.bytes, header({ headers }, 'content-encoding'), { truncated: body.truncated })
  const text = bytes.toString('utf8')
  if (text.includes('\ufffd') || text.includes('\0')) return { bytes, text: undefined, json: undefined }
  const isJson = /\bjson\b/i.test(header({ headers }, 'content-type') ?? '') || /^\s*[[{]/.test(text)
  return { bytes, text, json: isJson && text.trim() !== '' ? parsed(text) : undefined }
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined // compared as text
  }
}

function byBytes(a: Buffer, b: Buffer): { body?: string } {
  if (a.equals(b)) return {}
  let at = 0
  while (at < a.length && at < b.length && a[at] === b[at]) at += 1
  return { body: `${a.length} → ${b.length} bytes, the first difference at ${at}` }
}
