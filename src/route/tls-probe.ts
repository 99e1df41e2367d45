/**
 * The path proof of a tunnel that carries TLS: a ClientHello as a visitor sends it, with the visitors' server name, whose legacy session id
 * (RFC 8446 §4.1.2, any 32 bytes) is the nonce. Whoever gets the stream may answer; when it is us, the nonce tells.
 */
import { randomBytes } from 'node:crypto'
import type { Dial } from '../base/connection.ts'
import { ask } from './ask.ts'

export interface HelloProbe {
  serverName: string
  /** 32 bytes. */
  sessionId: Buffer
}

/** TLS 1.3 with 1.2 allowed, no key share: a server that does answer asks for one and has computed nothing. */
export function encodeHello({ serverName, sessionId }: HelloProbe): Buffer {
  const name = Buffer.from(serverName, 'latin1')
  const extensions = Buffer.concat([
    extension(0x0000, sized(2, Buffer.concat([Buffer.from([0]), sized(2, name)]))),
    extension(0x000a, sized(2, words(0x001d, 0x0017))), // x25519, secp256r1
    extension(0x000b, sized(1, Buffer.from([0]))),
    extension(0x000d, sized(2, words(0x0403, 0x0804, 0x0401))), // ecdsa, rsa-pss, rsa with SHA-256
    extension(0x002b, sized(1, words(0x0304, 0x0303))),
    extension(0x0033, sized(2, Buffer.alloc(0)))
  ])
  const body = Buffer.concat([
    words(0x0303),
    randomBytes(32),
    sized(1, sessionId),
    sized(2, words(0x1301, 0x1302, 0xc02b, 0xc02f)),
    sized(1, Buffer.from([0])),
    sized(2, extensions)
  ])
  return Buffer.concat([Buffer.from([0x16, 3, 1]), sized(2, Buffer.concat([Buffer.from([1]), sized(3, body)]))])
}

/** Sends one probe. Resolves when anything comes back, or the end: then somebody has had it. */
export function sendHello(dial: Dial, probe: HelloProbe, signal: AbortSignal): Promise<'answered' | 'ended'> {
  return ask<'answered' | 'ended'>(dial, { bytes: encodeHello(probe), read: () => 'answered', atEnd: () => 'ended' }, signal)
}

const words = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 2)
  for (const [at, value] of values.entries()) bytes.writeUInt16BE(value, at * 2)
  return bytes
}

/** With its length before it, in so many bytes. */
function sized(lengthBytes: 1 | 2 | 3, bytes: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntBE(bytes.length, 0, lengthBytes)
  return Buffer.concat([length, bytes])
}

const extension = (type: number, content: Buffer): Buffer => Buffer.concat([words(type), sized(2, content)])
