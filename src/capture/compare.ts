/**
 * Two answers to the same request: do they say the same? Status, headers without those that differ each time, and the body: JSON by its values,
 * text by lines, anything else by bytes. Values of secret headers are compared and never told. Pure, and bounded in time.
 */
import type { Header } from '../event/types.ts'
import { header } from '../http/header.ts'
import { decodeBody } from './decode-body.ts'
import { type DiffLine, diffLines } from './diff.ts'
import { canonicalJson, jsonDifferences, jsonOf } from './diff-json.ts'
import type { KeptResponse } from './kept.ts'
import { type Mask, MASKED_VALUE, maskHeaders } from './mask.ts'

export interface Comparison {
  readonly equal: boolean
  /** `200 → 500`. */
  readonly status?: string
  /** One sentence a header. */
  readonly headers: readonly string[]
  /** What differs in the body, in short. */
  readonly body?: string
  /** A body was not kept whole: the rest of it is unknown, and not compared. */
  readonly partial?: true
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
const NONE: ReadonlySet<string> = new Set()

/** `ignored`: more headers that say nothing, in lower case. */
export function compareAnswers(before: Answer, after: Answer, mask: Mask = MASKED, ignored: ReadonlySet<string> = NONE): Comparison {
  const status = before.status === after.status ? undefined : `${before.status} → ${after.status}`
  const headers = headerDifferences(before.headers, after.headers, { mask, ignored })
  const { body, lines, partial } = compareBodies(before, after)
  const equal = status === undefined && headers.length === 0 && body === undefined
  return {
    equal,
    headers,
    lines,
    ...(status === undefined ? {} : { status }),
    ...(body === undefined ? {} : { body }),
    ...(partial && { partial })
  }
}

function headerDifferences(
  before: readonly Header[],
  after: readonly Header[],
  { mask, ignored }: { mask: Mask; ignored: ReadonlySet<string> }
): string[] {
  const old = byName(before)
  const fresh = byName(after)
  const secret = new Set(mask([...before, ...after]).masked.map(name => name.toLowerCase()))
  const said = (name: string, values: readonly string[]): string => (secret.has(name) ? '••••••' : values.join(', '))
  const found: string[] = []
  for (const name of new Set([...old.keys(), ...fresh.keys()])) {
    if (VOLATILE.has(name) || ignored.has(name)) continue
    const a = old.get(name)
    const b = fresh.get(name)
    if (a === undefined) found.push(`${name}: new, ${said(name, b ?? [])}`)
    else if (b === undefined) found.push(`${name}: gone, was ${said(name, a)}`)
    // A recording hid the value: that there is one is all that can be compared.
    else if (a.includes(MASKED_VALUE) || b.includes(MASKED_VALUE)) continue
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

interface BodyComparison {
  body?: string
  lines: readonly DiffLine[]
  partial?: true
}

function compareBodies(before: Answer, after: Answer): BodyComparison {
  const a = contentOf(before)
  const b = contentOf(after)
  if (a.cut || b.cut) return compareBeginnings(a, b)
  if (a.json !== undefined && b.json !== undefined) {
    const differences = jsonDifferences(a.json.value, b.json.value)
    const lines = diffLines(canonicalJson(a.json.value).split('\n'), canonicalJson(b.json.value).split('\n'))
    return differences.length === 0 ? { lines } : { lines, body: differences.join('\n') }
  }
  if (a.text === undefined || b.text === undefined) return { lines: [], ...byBytes(a.bytes, b.bytes) }
  const lines = diffLines(a.text.split(/\r?\n/), b.text.split(/\r?\n/))
  if (a.text === b.text) return { lines }
  const gone = lines.filter(({ mark }) => mark === '-').length
  const come = lines.filter(({ mark }) => mark === '+').length
  return { lines, body: `${gone} line${gone === 1 ? '' : 's'} gone, ${come} new` }
}

/** As far as both were kept; their lengths where both are known. */
function compareBeginnings(a: Content, b: Content): BodyComparison {
  const length = Math.min(a.bytes.length, b.bytes.length)
  const differ = byBytes(a.bytes.subarray(0, length), b.bytes.subarray(0, length))
  const from = a.size ?? `more than ${a.bytes.length}`
  const to = b.size ?? `more than ${b.bytes.length}`
  if (differ.body !== undefined) return { lines: [], partial: true, body: `${from} → ${to} bytes, ${differ.body.replace(/^.*?, /, '')}` }
  // A whole one that is shorter than the beginning of the other is another one.
  const other = a.size !== undefined && b.size !== undefined ? a.size !== b.size : a.cut ? a.bytes.length > length : b.bytes.length > length
  return { lines: [], partial: true, ...(other && { body: `${from} → ${to} bytes` }) }
}

interface Content {
  bytes: Buffer
  /** There is more that was not kept or not unpacked. */
  cut: boolean
  /** Unpacked and whole, where it is known. */
  size: number | undefined
  text: string | undefined
  json: { value: unknown } | undefined
}

function contentOf({ headers, body }: Answer): Content {
  const coding = header({ headers }, 'content-encoding')
  const { bytes, note } = decodeBody(body.bytes, coding, { truncated: body.truncated })
  const cut = body.truncated || (note !== undefined && bytes !== body.bytes)
  const told = coding === undefined && body.size > body.bytes.length ? body.size : undefined
  const all = { bytes, cut, size: cut ? told : bytes.length }
  const text = bytes.toString('utf8')
  if (text.includes('\ufffd') || text.includes('\0')) return { ...all, text: undefined, json: undefined }
  return { ...all, text, json: jsonOf(text, header({ headers }, 'content-type') ?? '') }
}

function byBytes(a: Buffer, b: Buffer): { body?: string } {
  if (a.equals(b)) return {}
  let at = 0
  while (at < a.length && at < b.length && a[at] === b[at]) at += 1
  return { body: `${a.length} → ${b.length} bytes, the first difference at ${at}` }
}
