/** What a TLS ClientHello says in clear (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301): the server name, the protocols offered, the session id. No more of TLS. */

export interface ClientHello {
  serverName?: string
  alpn: string[]
  /** The legacy session id in hex; empty without one. */
  sessionId: string
}

/** A hello is a few hundred bytes, some KiB with post-quantum keys; more is not worth keeping. */
export const HELLO_LIMIT_BYTES = 16_384

const HANDSHAKE = 0x16
const CLIENT_HELLO = 1
const SERVER_NAME = 0
const ALPN = 16

/** The hello; `more` when the bytes so far are only its beginning; undefined when they are something else. */
export function parseClientHello(bytes: Buffer): ClientHello | 'more' | undefined {
  const message = handshakeMessage(bytes)
  if (!Buffer.isBuffer(message)) return message
  try {
    return parseBody(message)
  } catch (error) {
    if (error instanceof RangeError) return undefined // a length points outside of the message
    throw error
  }
}

/** The body of the first handshake message, put together from its records. */
function handshakeMessage(bytes: Buffer): Buffer | 'more' | undefined {
  const parts: Buffer[] = []
  let length = 0
  let start: Buffer = Buffer.alloc(0)
  for (let at = 0; ; ) {
    if (bytes.length > at && bytes[at] !== HANDSHAKE) return undefined
    if (bytes.length < at + 5) return bytes.length > HELLO_LIMIT_BYTES ? undefined : 'more'
    if (bytes[at + 1] !== 3) return undefined
    const end = at + 5 + bytes.readUInt16BE(at + 3)
    const part = bytes.subarray(at + 5, end)
    parts.push(part)
    length += part.length
    if (start.length < 4) start = Buffer.concat([start, part.subarray(0, 4 - start.length)])
    if (start.length > 0 && start[0] !== CLIENT_HELLO) return undefined
    if (start.length === 4) {
      const messageEnd = 4 + start.readUIntBE(1, 3)
      if (messageEnd > HELLO_LIMIT_BYTES) return undefined
      if (length >= messageEnd) return Buffer.concat(parts, length).subarray(4, messageEnd)
    }
    if (bytes.length < end) return 'more'
    at = end
  }
}

function parseBody(body: Buffer): ClientHello {
  let at = 2 + 32
  const hello: ClientHello = { alpn: [], sessionId: slice(body, at + 1, body.readUInt8(at)).toString('hex') }
  at += 1 + body.readUInt8(at)
  at += 2 + body.readUInt16BE(at)
  at += 1 + body.readUInt8(at)
  if (at === body.length) return hello // no extensions: TLS 1.2 and older allow it
  const end = at + 2 + body.readUInt16BE(at)
  for (at += 2; at < end; ) {
    const type = body.readUInt16BE(at)
    const length = body.readUInt16BE(at + 2)
    const extension = slice(body, at + 4, length)
    if (type === SERVER_NAME) addServerName(hello, extension)
    else if (type === ALPN) hello.alpn = parseAlpn(extension)
    at += 4 + length
  }
  return hello
}

function addServerName(hello: ClientHello, extension: Buffer): void {
  const name = slice(extension, 5, extension.readUInt16BE(3)).toString('latin1')
  if (extension.readUInt8(2) === 0 && /^[!-~]+$/.test(name)) hello.serverName = name
}

function parseAlpn(extension: Buffer): string[] {
  const protocols: string[] = []
  for (let at = 2; at < extension.length; ) {
    const length = extension.readUInt8(at)
    protocols.push(slice(extension, at + 1, length).toString('latin1'))
    at += 1 + length
  }
  return protocols
}

function slice(bytes: Buffer, from: number, length: number): Buffer {
  if (from + length > bytes.length) throw new RangeError('length outside of the message')
  return bytes.subarray(from, from + length)
}
