/** HTTP/1 messages as plain data. Parsing: `head.ts` (strict, RFC 9112 §2–5); body framing: `framing.ts` (RFC 9112 §6). */

export interface RequestHead {
  method: string
  /** The request target, exactly as sent. */
  target: string
  /** `1.0` or `1.1`. */
  version: '1.0' | '1.1'
  headers: ReadonlyArray<readonly [name: string, value: string]>
  /** The exact bytes of the head, incl. the empty line. */
  raw: Buffer
}

export interface ResponseHead {
  status: number
  reason: string
  version: '1.0' | '1.1'
  headers: ReadonlyArray<readonly [name: string, value: string]>
  raw: Buffer
}

/** How a message body ends. `close`: at the end of the connection (responses only). `tunnel`: not HTTP any more (101, CONNECT 2xx). */
export type Framing = { kind: 'none' } | { kind: 'length'; length: number } | { kind: 'chunked' } | { kind: 'close' } | { kind: 'tunnel' }
