/**
 * One request sent once more, over a connection of its own, exactly as it was but for what belongs to the connection: `Connection: close`, no
 * `Expect`, and a length that fits the body. What comes back is an exchange like any other: the capture watches it.
 */
import { type Clock, deadline } from '../base/clock.ts'
import type { Dial } from '../base/connection.ts'
import { asError, InterceptError } from '../base/errors.ts'
import { observeExchanges, type ObserveOptions } from '../capture/observe-http.ts'
import type { Header } from '../event/types.ts'
import { encodeRequest } from '../http/encode.ts'
import type { ReplayRequest } from './replayable.ts'

export interface SendOptions {
  dial: Dial
  /** Where that leads, for the words of an error. */
  address: string
  clock: Clock
  signal: AbortSignal
  /** Who watches: `emit`, `nextId`, `store`, `of`, `mask`, … */
  observe: Omit<ObserveOptions, 'clock' | 'who' | 'source' | 'startedAt' | 'connectMs'>
  /** A copy of what this visitor just asked for, instead of a replay. */
  copyOf?: string
  timeoutMs?: number
  /** Of the answer, beyond what the store keeps: a download is not replayed to its end. */
  maxBytes?: number
}

const TIMEOUT_MS = 30_000
const MAX_BYTES = 67_108_864

/** Resolves when the answer is complete, or has broken off: the exchange tells which. Rejects with LOCAL_UNREACHABLE when nobody accepts,
 * with CANNOT_REPLAY for what no head can hold. */
export async function sendAgain(request: ReplayRequest, options: SendOptions): Promise<void> {
  const { clock, dial, address, signal, observe, copyOf, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = options
  const bytes = Buffer.concat(encoded(request))
  const limit = deadline(clock, timeoutMs, () => new DOMException('no answer in time', 'TimeoutError'), signal)
  const startedAt = clock.now()
  try {
    const connection = await dial(limit.signal).catch((cause: unknown) => {
      signal.throwIfAborted()
      throw new InterceptError('LOCAL_UNREACHABLE', `nothing answers at ${address}: ${asError(cause).message}`, {
        hint: 'start the app there, or say where it is: kubectl intercept replay FILE --to http://localhost:PORT',
        cause
      })
    })
    const who = copyOf === undefined ? ({ who: 'replay', source: 'replay' } as const) : ({ who: 'mirror', source: copyOf } as const)
    const watch = observeExchanges({ ...observe, clock, ...who, startedAt, connectMs: clock.now() - startedAt })
    let received = 0
    await new Promise<void>(resolve => {
      const cut = (): void => {
        connection.destroy()
        resolve()
      }
      limit.signal.addEventListener('abort', cut, { once: true })
      connection.on('data', (chunk: Buffer) => {
        watch.onBytes('in', chunk)
        received += chunk.length
        if (watch.allAnswered || received > maxBytes) resolve()
      })
      connection.on('end', () => {
        watch.onEnd('in')
        resolve()
      })
      connection.on('error', () => resolve()) // the exchange says that it broke off
      connection.on('close', resolve)
      watch.onBytes('out', bytes)
      connection.write(bytes)
      if (limit.signal.aborted) cut()
    })
    watch.finish(watch.allAnswered ? undefined : whyNot({ timedOut: limit.signal.aborted, tooLarge: received > maxBytes }))
    connection.destroy()
  } finally {
    limit.done()
  }
}

const whyNot = ({ timedOut, tooLarge }: { timedOut: boolean; tooLarge: boolean }) =>
  timedOut || tooLarge
    ? ({ by: 'agent', code: timedOut ? 'TIMEOUT' : 'TOO_LARGE' } as const)
    : ({ by: 'local', code: 'NO_ANSWER' } as const)

/** A HAR of others may hold anything: what would break the head is never sent. */
function encoded(request: ReplayRequest): [head: Buffer, body: Buffer] {
  try {
    return prepared(request)
  } catch (cause) {
    throw new InterceptError('CANNOT_REPLAY', `${request.method} ${request.target} cannot be sent again: ${asError(cause).message}`, {
      hint: "a header is replaced or left out with --set-header 'NAME: VALUE'",
      cause
    })
  }
}

/** Head and body. Headers of the connection are ours; all others stay, in their order and spelling. */
function prepared({ method, target, headers, body, trailers = [] }: ReplayRequest): [head: Buffer, body: Buffer] {
  const kept = headers.filter(([name]) => !OURS.has(name.toLowerCase()))
  const chunked = headers.some(([name, value]) => name.toLowerCase() === 'transfer-encoding' && /\bchunked\b/i.test(value))
  const hadLength = headers.some(([name]) => name.toLowerCase() === 'content-length')
  const framing: Header[] = chunked
    ? [['Transfer-Encoding', 'chunked']]
    : body.length > 0 || hadLength
      ? [['Content-Length', String(body.length)]]
      : []
  const head = encodeRequest({ method, target, headers: [...kept, ...framing, ['Connection', 'close']] })
  return [head, chunked ? asChunk(body, trailers) : body]
}

const OURS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'expect',
  'content-length',
  'transfer-encoding',
  'te',
  'upgrade',
  'http2-settings'
])

function asChunk(body: Buffer, trailers: readonly Header[]): Buffer {
  const end = `0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  if (body.length === 0) return Buffer.from(end, 'latin1')
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from(`\r\n${end}`, 'latin1')])
}
