/**
 * The control channel between our own connector and our own server: lines of JSON on the stream that the connector opens first (id 2), used only
 * after the capability handshake. gost closes such a stream at once, so nothing here ever reaches a stock peer. Codec only, no I/O.
 *
 *   connector → server   {"type":"drain"}                 send me no more          → {"type":"drained"}
 *                        {"type":"weight","weight":n}     from now on I weigh n    → {"type":"weighted"}
 *   either direction     {"type":"ping"}                                           → {"type":"pong"}
 */
import { ByteQueue } from '../base/bytes.ts'
import { ProtocolError } from '../base/errors.ts'

export type ControlMessage =
  | { type: 'drain' }
  | { type: 'drained' }
  /** 1…255. */
  | { type: 'weight'; weight: number }
  | { type: 'weighted' }
  | { type: 'ping' }
  | { type: 'pong' }

/** The stream id a connector (smux server role) gives to the first stream it opens. */
export const CONTROL_STREAM_ID = 2

/** A longer line is not ours. */
export const CONTROL_LINE_LIMIT = 1_024

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
  switch (value.type) {
    case 'drain':
    case 'drained':
    case 'weighted':
    case 'ping':
    case 'pong':
      return { type: value.type }
    case 'weight':
      return { type: 'weight', weight: weightOf(value) }
    default:
      return undefined
  }
}

function weightOf(value: object): number {
  const weight: unknown = 'weight' in value ? value.weight : undefined
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
