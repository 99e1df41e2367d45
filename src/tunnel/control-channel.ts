/**
 * The control channel between our own connector and our own server: lines of JSON on the stream that the connector opens first (id 2), used only
 * after the capability handshake. gost closes such a stream at once, so nothing here ever reaches a stock peer. Codec only, no I/O.
 *
 *   connector → server   {"type":"hello","kind":"agent","who":"ada@mill",…}  first    → welcome, or refused
 *                        {"type":"drain"}                 send me no more              → drained
 *                        {"type":"weight","weight":n}     from now on I weigh n        → weighted, or refused
 *                        {"type":"filter","filter":"…"}   only what matches; '' is all → filtered, or refused
 *                        {"type":"declined","stream":n}   that stream reached no app: its request may go to anybody
 *                        {"type":"health","up":false}     my app refuses connections: ask others first
 *   server → connector   {"type":"welcome","server":"…","hosts":[…]}  who I am, and what leads visitors to that tunnel
 *                        {"type":"leaving"}               I shut down: be bound elsewhere
 *   either direction     {"type":"ping"}                                               → pong
 */
import { ByteQueue } from '../base/bytes.ts'
import { ProtocolError } from '../base/errors.ts'

/** Who a connector is. What is absent is not known; a connector without a filter and a mirror takes visitors by its weight. */
export interface Hello {
  kind: 'agent' | 'sidecar'
  /** `ada@mill`, or the name of a pod. */
  who?: string
  /** Takes only requests that match (`filter/` reads it). */
  filter?: string
  /** Tells the connectors of one session from those of another; probes that name it find it. */
  session?: string
  /** Shares the filter with whoever has it. */
  join?: boolean
  /** Takes no visitor, gets copies of this part of the requests: 0…1. */
  mirror?: number
}

/** Who a server is, and which hosts its rules lead to the tunnel: some of them where there are many, absent where it does not tell. */
export interface Welcome {
  server: string
  hosts?: readonly string[]
}

/** Another connector of the same tunnel. */
export interface Neighbour {
  kind: Hello['kind'] | 'gost'
  who?: string
  weight: number
}

/** Why something is refused, in words, and what stands in the way: somebody else, the server's policy, or else the filter itself. */
export interface Objection {
  why: string
  because?: 'taken' | 'policy'
}

export type ControlMessage =
  | ({ type: 'hello' } & Hello)
  | ({ type: 'welcome' } & Welcome)
  | ({ type: 'refused'; to: 'hello' | 'weight' | 'filter' } & Objection)
  | { type: 'drain' }
  /** `others`: who takes the visitors now. */
  | { type: 'drained'; others?: Neighbour[] }
  /** 1…255. */
  | { type: 'weight'; weight: number }
  | { type: 'weighted' }
  | { type: 'filter'; filter: string }
  | { type: 'filtered' }
  | { type: 'declined'; stream: number }
  | { type: 'health'; up: boolean }
  | { type: 'leaving' }
  | { type: 'ping' }
  | { type: 'pong' }

/** The stream id a connector (smux server role) gives to the first stream it opens. */
export const CONTROL_STREAM_ID = 2

/** A longer line is not ours. */
export const CONTROL_LINE_LIMIT = 8_192
/** Characters of a name or a sentence; a filter may have more. */
export const TEXT_LIMIT = 256
export const FILTER_LIMIT = 4_096
/** Of others told to a connector that leaves. */
export const MAX_NEIGHBOURS = 16
/** Of hosts told to a connector that comes. */
export const MAX_HOSTS = 16

const NEWLINE = 0x0a

export const encodeControl = (message: ControlMessage): Buffer => Buffer.from(`${JSON.stringify(message)}\n`)

export class ControlDecoder {
  readonly #pending = new ByteQueue()

  /** The messages that became complete. Unknown types are left out (a newer peer). Throws ProtocolError on what is not a line of ours. */
  push(chunk: Buffer): ControlMessage[] {
    const messages: ControlMessage[] = []
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end))
      start = end + 1
      const message = parseLine(this.#pending.take(this.#pending.length).toString())
      if (message !== undefined) messages.push(message)
    }
    this.#keep(chunk.subarray(start))
    return messages
  }

  #keep(part: Buffer): void {
    if (this.#pending.length + part.length > CONTROL_LINE_LIMIT) {
      throw new ProtocolError('CONTROL_LINE_LENGTH', `control line longer than ${CONTROL_LINE_LIMIT} bytes`)
    }
    this.#pending.push(part)
  }
}

function parseLine(line: string): ControlMessage | undefined {
  if (line.trim() === '') return undefined
  const value = parseJson(line)
  if (typeof value !== 'object' || value === null || !('type' in value))
    throw new ProtocolError('CONTROL_SHAPE', 'control line without a type')
  const fields: Fields = { ...value }
  switch (value.type) {
    case 'drain':
    case 'weighted':
    case 'filtered':
    case 'leaving':
    case 'ping':
    case 'pong':
      return { type: value.type }
    case 'hello':
      return { type: 'hello', ...helloOf(fields) }
    case 'welcome':
      return {
        type: 'welcome',
        server: textOf(fields['server'], TEXT_LIMIT) ?? '',
        ...(Array.isArray(fields['hosts']) && {
          hosts: fields['hosts'].slice(0, MAX_HOSTS).map((host: unknown) => textOf(host, TEXT_LIMIT) ?? '')
        })
      }
    case 'refused':
      return { type: 'refused', to: refusalOf(fields['to']), ...objectionOf(fields) }
    case 'drained':
      return {
        type: 'drained',
        ...(Array.isArray(fields['others']) && { others: fields['others'].slice(0, MAX_NEIGHBOURS).map(neighbourOf) })
      }
    case 'weight':
      return { type: 'weight', weight: weightOf(fields['weight']) }
    case 'filter':
      return { type: 'filter', filter: textOf(fields['filter'], FILTER_LIMIT) ?? '' }
    case 'declined':
      return { type: 'declined', stream: streamOf(fields['stream']) }
    case 'health':
      return { type: 'health', up: fields['up'] === true }
    default:
      return undefined
  }
}

type Fields = Readonly<Record<string, unknown>>

function helloOf(fields: Fields): Hello {
  const who = textOf(fields['who'], TEXT_LIMIT)
  const filter = textOf(fields['filter'], FILTER_LIMIT)
  const session = textOf(fields['session'], TEXT_LIMIT)
  const { mirror } = fields
  if (mirror !== undefined && (typeof mirror !== 'number' || !(mirror >= 0 && mirror <= 1)))
    throw new ProtocolError('CONTROL_FIELD', 'control line with a mirror outside 0…1')
  return {
    kind: fields['kind'] === 'sidecar' ? 'sidecar' : 'agent',
    ...(who !== undefined && { who }),
    ...(filter !== undefined && { filter }),
    ...(fields['join'] === true && { join: true }),
    ...(session !== undefined && { session }),
    ...(mirror !== undefined && { mirror })
  }
}

function neighbourOf(value: unknown): Neighbour {
  const fields: Fields = typeof value === 'object' && value !== null ? { ...value } : {}
  const who = textOf(fields['who'], TEXT_LIMIT)
  const kind = fields['kind'] === 'sidecar' || fields['kind'] === 'agent' ? fields['kind'] : 'gost'
  return { kind, weight: weightOf(fields['weight']), ...(who !== undefined && { who }) }
}

function textOf(value: unknown, limit: number): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value.length > limit) {
    throw new ProtocolError('CONTROL_FIELD', `control line with a text that is none, or longer than ${limit} characters`)
  }
  return value
}

function refusalOf(value: unknown): 'hello' | 'weight' | 'filter' {
  return value === 'weight' || value === 'filter' ? value : 'hello'
}

function objectionOf({ why, because }: Fields): Objection {
  return { why: textOf(why, TEXT_LIMIT) ?? '', ...((because === 'taken' || because === 'policy') && { because }) }
}

function streamOf(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 0xffff_ffff) return value
  throw new ProtocolError('CONTROL_FIELD', 'control line without a stream id')
}

function weightOf(weight: unknown): number {
  if (typeof weight !== 'number' || !Number.isInteger(weight) || weight < 1 || weight > 255) {
    throw new ProtocolError('CONTROL_WEIGHT', 'control line with a weight outside 1…255')
  }
  return weight
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new ProtocolError('CONTROL_JSON', 'control line that is not JSON', { cause })
  }
}
