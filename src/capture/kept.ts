/**
 * What the laptop remembers of an exchange: raw, as it passed, up to the caps. It never leaves memory as it is: whatever is shown, exported or
 * recorded goes through `mask.ts` first; only a replay to the local app sends the raw bytes again.
 */
import type { EventBody, Header, Who } from '../event/types.ts'
import type { ClientHello } from './tls-hello.ts'

export interface KeptBody {
  /** The bytes of the body as framed away (no chunk lines), still content-coded; at most the cap of the store. */
  readonly bytes: Buffer
  /** Of the whole body, kept or not. */
  readonly size: number
  /** More came than was kept. */
  readonly truncated: boolean
}

export interface KeptRequest {
  readonly method: string
  /** As sent. */
  readonly target: string
  readonly host: string
  readonly path: string
  readonly version: '1.0' | '1.1'
  readonly headers: readonly Header[]
  readonly trailers: readonly Header[]
  readonly body: KeptBody
}

export interface KeptResponse {
  readonly status: number
  readonly reason: string
  readonly version: '1.0' | '1.1'
  readonly headers: readonly Header[]
  readonly trailers: readonly Header[]
  readonly body: KeptBody
}

/** A WebSocket message or a server-sent event. */
export interface KeptMessage {
  /** Milliseconds since the exchange began. */
  readonly atMs: number
  /** `in`: from the visitor. */
  readonly direction: 'in' | 'out'
  readonly kind: 'ws' | 'sse'
  /** `text`, `binary`, `close`, `ping`, `pong`; for server-sent events the event's name (`message` without one). */
  readonly name: string
  /** Of the whole message. */
  readonly size: number
  /** At most a few KiB of it, unmasked. */
  readonly bytes: Buffer
  /** By permessage-deflate (RFC 7692): `bytes` are the compressed ones. */
  readonly compressed: boolean
}

export interface KeptTimings {
  /** Opening the connection to whoever answered. */
  connectMs?: number
  /** From the start to the first byte of the answer. */
  ttfbMs?: number
  totalMs?: number
}

/** One exchange; the object stays the same while it grows, `version` counts its changes. */
export interface KeptExchange {
  readonly id: string
  /** The target's display name; undefined when only one is possible. */
  readonly target: string | undefined
  readonly kind: EventBody<'exchange.started'>['kind']
  /** `http/1.1`, `websocket`, `sse`, `h2`, `tls`, `tcp`, …: as in `exchange.started`, sharpened by what the answer said. */
  readonly protocol: string
  readonly who: Who
  readonly source: string
  /** The exchange that this one repeats. */
  readonly of: string | undefined
  readonly why: EventBody<'exchange.started'>['why']
  /** Whose laptop, where it is another one. */
  readonly answeredBy?: string | undefined
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly version: number
  readonly request: KeptRequest | undefined
  readonly response: KeptResponse | undefined
  /** The last ones, bounded. */
  readonly messages: readonly KeptMessage[]
  readonly messageCount: { readonly in: number; readonly out: number }
  readonly hello: ClientHello | undefined
  /** The first bytes each way of what is no HTTP; `in` came from the visitor. */
  readonly preview: { readonly in: KeptBody; readonly out: KeptBody } | undefined
  readonly timings: Readonly<KeptTimings>
  readonly bytesIn: number
  readonly bytesOut: number
  readonly unparsed: boolean
  /** Its answer says the same as that of the exchange it repeats; undefined where nobody compared them. */
  readonly equal: boolean | undefined
  readonly end:
    | { readonly kind: 'completed' }
    | { readonly kind: 'aborted'; readonly by: EventBody<'exchange.aborted'>['by']; readonly code: string }
    | undefined
}

/** What was remembered, oldest first: a ring with caps on count and bytes. Ids are stable; a number is the place in the order of starting. */
export interface ExchangeLog {
  /** Counts every change of anything in it. */
  readonly version: number
  readonly size: number
  /** All that ever started, forgotten ones included. */
  readonly started: number
  get(id: string): KeptExchange | undefined
  /** `0` is the oldest that is still known. */
  at(index: number): KeptExchange | undefined
}
