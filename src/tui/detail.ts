/** One exchange in full: request, response, timing, raw. Secrets are masked here as everywhere. */
import { formatBytes, formatMs, printable } from '../base/format.ts'
import type { KeptExchange, KeptMessage, KeptRequest, KeptResponse } from '../capture/kept.ts'
import type { Mask } from '../capture/mask.ts'
import type { Header } from '../event/types.ts'
import { bodyLines, textOf } from './body-lines.ts'
import { methodOf, statusOf, tookOf, whereOf } from './exchange-words.ts'
import { hexLines } from './hex-lines.ts'
import type { JsonLine } from './json-lines.ts'
import { bold, fit, type Line, type Span, spread, toned } from './line.ts'
import { TABS } from './model.ts'
import { timingLines } from './timing-lines.ts'

export interface DetailOptions {
  readonly mask: Mask
  readonly folded: ReadonlySet<string>
  readonly width: number
  readonly now: number
}

/** ` #118  POST /api/checkout → 500   21 ms   laptop` and the tabs. */
export function detailTitle(exchange: KeptExchange, tab: number, { width, now }: DetailOptions): Line {
  const status = statusOf(exchange)
  const tabs: Span[] = TABS.flatMap((name, index) =>
    index === tab ? [{ text: ` [${index + 1} ${name}]`, bold: true }] : [toned('gray', ` ${index + 1} ${name}`)]
  )
  const left: Line = [
    bold(` #${exchange.id}  `),
    { text: `${methodOf(exchange)} ${whereOf(exchange)} → ` },
    toned(status.tone, status.text),
    toned('gray', `   ${tookOf(exchange, now)}   ${exchange.who}${exchange.of === undefined ? '' : ` of #${exchange.of}`}`)
  ]
  return spread(
    left,
    width < 90 ? [{ text: ` [${tab + 1} ${TABS[tab] ?? ''}]`, bold: true }, { text: ' ' }] : [...tabs, { text: ' ' }],
    width
  )
}

export function detailLines(exchange: KeptExchange, tab: number, options: DetailOptions): JsonLine[] {
  if (tab === 0) return requestLines(exchange, options)
  if (tab === 1) return responseLines(exchange, options)
  if (tab === 2) return timingLines(exchange, options).map(line => ({ line }))
  return rawLines(exchange, options)
}

function requestLines({ request, preview, hello, source }: KeptExchange, options: DetailOptions): JsonLine[] {
  const from = [toned('gray', `from ${printable(source)}`)]
  if (request === undefined) {
    const tls =
      hello === undefined
        ? []
        : [`TLS for ${printable(hello.serverName ?? 'no name')}, offers ${printable(hello.alpn.join(', ') || 'no protocol')}`]
    return [{ line: from }, ...tls.map(text => ({ line: [{ text }] })), ...(preview === undefined ? [] : previewLines(preview.in.bytes))]
  }
  const { method, target, version } = request
  return [
    { line: [bold(`${printable(method)} ${printable(target, 8_000)}`), toned('gray', ` HTTP/${version}`)] },
    { line: from },
    ...messageLines(request, options)
  ]
}

function responseLines(exchange: KeptExchange, options: DetailOptions): JsonLine[] {
  const { response, messages, preview, end } = exchange
  if (response === undefined) {
    if (preview !== undefined && preview.out.size > 0) return previewLines(preview.out.bytes)
    const why =
      end === undefined
        ? 'no answer yet'
        : end.kind === 'aborted'
          ? `no answer: aborted by ${end.by} (${printable(end.code)})`
          : 'no answer'
    return [{ line: [toned('yellow', why)] }]
  }
  const { status, reason, version } = response
  const shown = messages.length > 0 ? { ...response, body: { ...response.body, size: 0 } } : response
  return [
    { line: [toned(statusOf(exchange).tone, `${status} ${printable(reason)}`), toned('gray', ` HTTP/${version}`)] },
    ...messageLines(shown, options),
    ...messages.map(message => ({ line: messageLine(message) }))
  ]
}

function messageLines(message: KeptRequest | KeptResponse, { mask, folded }: DetailOptions): JsonLine[] {
  const body = bodyLines(message, folded)
  const trailers = message.trailers.length === 0 ? [] : [{ line: [toned('gray', 'trailers:')] }, ...headerLines(message.trailers, mask)]
  return [...headerLines(message.headers, mask), ...(body.length === 0 ? [] : [{ line: [] }, ...body]), ...trailers]
}

function headerLines(headers: readonly Header[], mask: Mask): JsonLine[] {
  const { headers: shown, masked } = mask(headers)
  return shown.map(([name, value]) => ({
    line: [
      toned('cyan', printable(name, 200)),
      { text: `: ${printable(value, 8_000)}` },
      ...(masked.includes(name) ? [toned('gray', ' (masked)')] : [])
    ]
  }))
}

function messageLine({ atMs, direction, name, size, bytes, compressed }: KeptMessage): Line {
  const text = compressed ? '(compressed)' : (textOf(bytes) ?? bytes.subarray(0, 32).toString('hex'))
  return [
    toned('gray', `${formatMs(atMs).padStart(8)} `),
    direction === 'in' ? toned('cyan', '→ ') : toned('green', '← '),
    toned('gray', `${printable(name, 24).padEnd(7)} ${formatBytes(size).padStart(7)}  `),
    { text: printable(text, 500) }
  ]
}

/** The heads as they passed, and the bodies as bytes. */
function rawLines({ request, response, preview }: KeptExchange, { mask }: DetailOptions): JsonLine[] {
  const head = (first: string, headers: readonly Header[]): JsonLine[] =>
    [first, ...mask(headers).headers.map(([name, value]) => `${name}: ${value}`), ''].map(text => ({
      line: [{ text: printable(text, 8_000) }]
    }))
  const hex = (bytes: Buffer): JsonLine[] => [...hexLines(bytes).map(line => ({ line })), { line: [] }]
  return [
    ...(request === undefined
      ? []
      : [...head(`${request.method} ${request.target} HTTP/${request.version}`, request.headers), ...hex(request.body.bytes)]),
    ...(response === undefined
      ? []
      : [...head(`HTTP/${response.version} ${response.status} ${response.reason}`, response.headers), ...hex(response.body.bytes)]),
    ...(preview === undefined
      ? []
      : [
          { line: [toned('gray', 'from the visitor:')] },
          ...hex(preview.in.bytes),
          { line: [toned('gray', 'to the visitor:')] },
          ...hex(preview.out.bytes)
        ])
  ]
}

const previewLines = (bytes: Buffer): JsonLine[] => hexLines(bytes).map(line => ({ line }))

/** Lines of the detail on the screen, the cursor's line marked. */
export function windowOf(lines: readonly JsonLine[], at: number, height: number, width: number): Line[] {
  const top = Math.max(0, Math.min(at - Math.floor(height / 2), lines.length - height))
  return Array.from({ length: height }, (_, index): Line => {
    const entry = lines[top + index]
    const mark = top + index === at && lines.length > 0 ? '▸ ' : '  '
    return fit([toned('cyan', mark), ...(entry?.line ?? [])], width)
  })
}
