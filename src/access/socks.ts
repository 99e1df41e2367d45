/**
 * The server's side of SOCKS5 (RFC 1928) as a state machine over bytes: greeting, request, then everything belongs to the connection. No
 * authentication (§3, method 0), CONNECT only; replies are made here, sending them is for the caller. A length that lies makes it wait for bytes
 * that do not come, never read beyond its message: whoever feeds it limits the time.
 */
import { ProtocolError } from '../base/errors.ts'
import type { Endpoint } from '../base/connection.ts'
import { ipFromBytes } from '../relay/ip.ts'

/** §6. */
export const REPLY = {
  succeeded: 0,
  failure: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  refused: 5,
  commandNotSupported: 7,
  addressTypeNotSupported: 8
} as const

export type SocksCommand = 'connect' | 'bind' | 'udp-associate'

export type SocksEvent =
  /** Bytes to send before anything else. */
  { kind: 'answer'; bytes: Buffer } | { kind: 'request'; command: SocksCommand; to: Endpoint; rest: Buffer }

const VERSION = 5
const NO_AUTH = 0
const NONE_ACCEPTABLE = 0xff
const COMMANDS: Readonly<Record<number, SocksCommand>> = { 1: 'connect', 2: 'bind', 3: 'udp-associate' }
const ATYP = { ipv4: 1, name: 3, ipv6: 4 } as const
/** The longest request: a name of 255 bytes. */
const MAX_BYTES = 4 + 1 + 255 + 2

/** A client breaks the protocol. `answer` is what it must still be told, where the protocol has words for it. */
export class SocksError extends ProtocolError {
  readonly answer: Buffer | undefined

  constructor(message: string, answer?: Buffer) {
    super('SOCKS', message)
    this.answer = answer
  }
}

export class SocksReader {
  #bytes: Buffer = Buffer.alloc(0)
  #state: 'greeting' | 'request' | 'done' = 'greeting'

  /** What the bytes so far mean. Throws SocksError. Not to be called after a request was given. */
  push(chunk: Buffer): SocksEvent[] {
    // A greeting has at most 257 bytes: what is beyond both messages in one chunk is the connection's own.
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    const events: SocksEvent[] = []
    for (;;) {
      const event = this.#state === 'greeting' ? this.#greeting() : this.#state === 'request' ? this.#request() : undefined
      if (event === undefined) break
      events.push(event)
    }
    return events
  }

  #greeting(): SocksEvent | undefined {
    const [version, count] = this.#bytes
    if (version !== undefined && version !== VERSION) throw new SocksError(`SOCKS version ${version} is not 5`)
    if (count === undefined || this.#bytes.length < 2 + count) return undefined
    const methods = this.#take(2 + count).subarray(2)
    if (!methods.includes(NO_AUTH)) {
      throw new SocksError('the client offers no way without authentication', Buffer.from([VERSION, NONE_ACCEPTABLE]))
    }
    this.#state = 'request'
    return { kind: 'answer', bytes: Buffer.from([VERSION, NO_AUTH]) }
  }

  #request(): SocksEvent | undefined {
    const bytes = this.#bytes
    if ((bytes[0] ?? VERSION) !== VERSION) throw new SocksError(`SOCKS version ${bytes[0] ?? ''} in a request is not 5`)
    if (bytes.length < 5) return undefined
    const command = COMMANDS[bytes[1] ?? 0]
    if (command === undefined) throw new SocksError(`command ${bytes[1] ?? 0} is not known`, encodeReply(REPLY.commandNotSupported))
    const length = addressLength(bytes)
    if (length === undefined) throw new SocksError(`address type ${bytes[3] ?? 0} is not known`, encodeReply(REPLY.addressTypeNotSupported))
    const end = 4 + length + 2
    if (bytes.length < end) return undefined
    const message = this.#take(end)
    this.#state = 'done'
    const rest = this.#bytes
    this.#bytes = Buffer.alloc(0)
    return { kind: 'request', command, to: { host: hostOf(message), port: message.readUInt16BE(end - 2) }, rest }
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length)
    this.#bytes = this.#bytes.subarray(length)
    return taken
  }
}

/** Of the address with its own length byte, where it has one. */
function addressLength(bytes: Buffer): number | undefined {
  const type = bytes[3]
  if (type === ATYP.ipv4) return 4
  if (type === ATYP.ipv6) return 16
  return type === ATYP.name ? 1 + (bytes[4] ?? 0) : undefined
}

function hostOf(message: Buffer): string {
  if (message[3] !== ATYP.name) return ipFromBytes(message.subarray(4, -2))
  return message.toString('latin1', 5, message.length - 2)
}

/** §6, with the address that a client has no use for left empty. */
export const encodeReply = (code: number): Buffer => Buffer.from([VERSION, code, 0, ATYP.ipv4, 0, 0, 0, 0, 0, 0])

export const SOCKS_MAX_BYTES = 2 + 255 + MAX_BYTES
