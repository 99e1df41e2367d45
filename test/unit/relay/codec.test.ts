import { describe, expect, it } from 'vitest'
import { RequestDecoder, ResponseDecoder } from '../../../src/relay/decode.ts'
import { encodeFeature, encodeRequest, encodeResponse, encodeTunnelId } from '../../../src/relay/encode.ts'
import { decodeFeatures, decodeTunnelId } from '../../../src/relay/features.ts'
import type { Feature, RelayRequest, RelayResponse, TunnelId } from '../../../src/relay/message.ts'
import { feedEveryWay } from '../../harness/feed.ts'
import { RECORDINGS, recorded, vectorBytes, vectorText } from '../../harness/vectors.ts'

const U = '4d21094e-b74c-4916-86c1-d9fa36ea677b'
const C = '0f0e0d0c-0b0a-4908-8706-050403020100'
const id = (uuid: string, weight: number, flag = 0): TunnelId => ({ uuid, flag, reserved: 0, weight })
const addr = (host: string, port: number): Feature => ({ type: 'addr', host, port })
const tunnel = (weight: number): Feature => ({ type: 'tunnel', id: id(U, weight) })
const local = addr('10.42.0.7', 51_234)
const any = addr('0.0.0.0', 0)

const request = (flags: number, ...features: Feature[]): RelayRequest => ({ command: 2, flags, features })
const response = (status: number, ...features: Feature[]): RelayResponse => ({ status, features })

const IDS: [number, TunnelId][] = [
  [1, id(U, 0)],
  [2, id(U, 255)],
  [3, id(U, 1, 0x80)],
  [4, id(C, 7, 0x01)]
]
const FEATURES: [number, Feature][] = [
  [5, local],
  [6, addr('2001:db8::1', 443)],
  [7, addr('nginx.local', 80)],
  [8, addr('', 0)],
  [9, any],
  [10, { type: 'auth', user: 'user', password: 'pass' }],
  [11, { type: 'network', network: 1 }],
  [12, { type: 'metadata', entries: [['record.mode', 'off']] }],
  [13, { type: 'opaque', code: 0x7f, bytes: Buffer.from('cafe', 'hex') }]
]
const REQUESTS: [number, RelayRequest][] = [
  [14, request(0, local, addr('', 0), tunnel(1))],
  [15, request(0, local, any, tunnel(255))],
  [16, request(0, { type: 'auth', user: 'user', password: 'pass' }, local, any, tunnel(1))],
  [17, request(0x80, { type: 'network', network: 1 }, local, any, tunnel(0))],
  [18, request(0, local, any, tunnel(1), { type: 'metadata', entries: [['record.mode', 'off']] })],
  [29, { command: 1, flags: 0, features: [addr('10.0.0.5', 40_000), addr('nginx.local', 80), tunnel(0)] }]
]
const endpoint = addr('a6265c6d9847a4be', 0)
const host = addr('nginx.local', 80)
const RESPONSES: [number, RelayResponse][] = [
  [19, response(0, endpoint, { type: 'tunnel', id: id(C, 255) })],
  [20, response(0, endpoint, { type: 'tunnel', id: id(C, 0, 0x01) })],
  [21, response(1)],
  [22, response(2)],
  [23, response(5)],
  [24, response(0, addr('203.0.113.9', 50_123), host)],
  [25, response(0, addr('2001:db8::9', 50_123), host)],
  [26, response(0, addr('visitor.example', 0), addr('nginx.local', 443))],
  [27, response(0, addr('198.51.100.4', 0), host)],
  [28, response(0)]
]

describe('vectors', () => {
  it.each(IDS)('writes and reads the tunnel id of vector %i', (number, value) => {
    expect(encodeTunnelId(value).toString('hex')).toBe(vectorText(number))
    expect(decodeTunnelId(vectorBytes(number))).toEqual(value)
  })

  it.each(FEATURES)('writes and reads the feature of vector %i', (number, value) => {
    expect(encodeFeature(value).toString('hex')).toBe(vectorText(number))
    expect(decodeFeatures(vectorBytes(number))).toEqual([value])
  })

  it.each(REQUESTS)('writes and reads the request of vector %i', (number, value) => {
    expect(encodeRequest(value).toString('hex')).toBe(vectorText(number))
    expect(new RequestDecoder().push(vectorBytes(number))?.message).toEqual(value)
  })

  it.each(RESPONSES)('writes and reads the response of vector %i', (number, value) => {
    expect(encodeResponse(value).toString('hex')).toBe(vectorText(number))
    expect(new ResponseDecoder().push(vectorBytes(number))?.message).toEqual(value)
  })
})

describe('recordings', () => {
  it.each(RECORDINGS)('reads every relay message of %s and writes it again byte for byte', name => {
    const messages = recorded(name).filter(({ ev }) => ev === 'relay')
    expect(messages.length).toBeGreaterThan(0)
    for (const { d, hex, cmdOrStatus } of messages) {
      const bytes = Buffer.from(hex, 'hex')
      if (d === 'C>S') {
        const decoded = new RequestDecoder().push(bytes)
        expect(decoded && decoded.message.command | decoded.message.flags).toBe(cmdOrStatus)
        expect(decoded && encodeRequest(decoded.message).toString('hex')).toBe(hex)
      } else {
        const decoded = new ResponseDecoder().push(bytes)
        expect(decoded?.message.status).toBe(cmdOrStatus)
        expect(decoded && encodeResponse(decoded.message).toString('hex')).toBe(hex)
      }
    }
  })

  it.each(RECORDINGS)('reads the stream opens of %s', name => {
    const opens = recorded(name).filter(frame => 'open' in frame)
    expect(opens.length).toBeGreaterThan(0)
    for (const { hex } of opens) {
      const payload = hex.slice(16)
      const decoded = new ResponseDecoder().push(Buffer.from(payload, 'hex'))
      expect(decoded && encodeResponse(decoded.message).toString('hex')).toBe(payload)
    }
  })
})

describe('a decoder', () => {
  const [, longest] = REQUESTS[2] ?? []
  const tail = Buffer.from('what follows belongs to smux')

  it('gives the same message however the bytes are cut, and hands back what follows', () => {
    const bytes = Buffer.concat([vectorBytes(16), tail])
    feedEveryWay(bytes, chunks => {
      const decoder = new RequestDecoder()
      for (const [index, chunk] of chunks.entries()) {
        const decoded = decoder.push(chunk)
        if (decoded === undefined) continue
        expect(decoded.message).toEqual(longest)
        expect(Buffer.concat([decoded.rest, ...chunks.slice(index + 1)]).equals(tail)).toBe(true)
        return
      }
      throw new Error('no message')
    })
  })

  it('returns one message only', () => {
    const decoder = new ResponseDecoder()
    decoder.push(vectorBytes(28))
    expect(() => decoder.push(vectorBytes(28))).toThrow('already returned')
  })

  it('refuses another version at its first byte', () => {
    expect(() => new ResponseDecoder().push(Buffer.of(0x05))).toThrow(expect.objectContaining({ code: 'RELAY_VERSION' }))
  })

  it('holds no more than one message of a peer that sends garbage', () => {
    const decoder = new RequestDecoder()
    expect(decoder.push(Buffer.from('0102ffff', 'hex'))).toBeUndefined()
    for (let sent = 0; sent < 60_000; sent += 6_000) expect(decoder.push(Buffer.alloc(6_000))).toBeUndefined()
    expect(() => decoder.push(Buffer.alloc(6_000))).toThrow(expect.objectContaining({ code: 'RELAY_FEATURE_COUNT' }))
  })
})

describe('features of a lenient peer', () => {
  it('accepts a tunnel id of 16 bytes as gost rc10 sends it', () => {
    expect(decodeFeatures(Buffer.concat([Buffer.from('030010', 'hex'), vectorBytes(1).subarray(0, 16)]))).toEqual([tunnel(0)])
  })

  it('ignores bytes behind a feature’s own data', () => {
    expect(decodeFeatures(Buffer.from('02000a010a2a0007c822ffffff', 'hex'))).toEqual([local])
  })

  it('reads an IPv4-mapped address as IPv4', () => {
    expect(decodeFeatures(Buffer.from('0200130400000000000000000000ffff0a2a0007c822', 'hex'))).toEqual([local])
  })

  it('keeps the first 20 of more metadata entries', () => {
    const entries = Array.from({ length: 25 }, (_, index) => Buffer.from([0, 1, 97 + index, 0, 0]))
    const data = Buffer.concat([Buffer.from([0, 25]), ...entries])
    const [feature] = decodeFeatures(Buffer.concat([Buffer.from([5, 0, data.length]), data]))
    expect(feature?.type === 'metadata' && feature.entries.length).toBe(20)
  })

  it.each([
    ['a feature that runs past the list', '0200070a', 'RELAY_FEATURE_LENGTH'],
    ['a list that ends inside a header', '0200', 'RELAY_FEATURE_LENGTH'],
    ['an unknown address type', '0200040500000050', 'RELAY_ADDRESS_TYPE'],
    ['a short IPv6 address', '02000704000000000000', 'RELAY_FEATURE_LENGTH'],
    ['a domain longer than its feature', '02000403ff0050', 'RELAY_FEATURE_LENGTH'],
    ['a tunnel id of 15 bytes', `03000f${'00'.repeat(15)}`, 'RELAY_FEATURE_LENGTH'],
    ['a password longer than its feature', '010004017505ff', 'RELAY_FEATURE_LENGTH'],
    ['metadata that is cut short', '0500040002000161', 'RELAY_FEATURE_LENGTH']
  ])('refuses %s', (_, hex, code) => {
    expect(() => decodeFeatures(Buffer.from(hex, 'hex'))).toThrow(expect.objectContaining({ code, name: 'ProtocolError' }))
  })
})

describe('limits of what is written', () => {
  it.each<[string, Feature, string]>([
    ['a host name of 256 bytes', addr('a'.repeat(256), 80), 'RELAY_TOO_LONG'],
    ['a user name of 256 bytes', { type: 'auth', user: 'a'.repeat(256), password: '' }, 'RELAY_TOO_LONG'],
    ['21 metadata entries', { type: 'metadata', entries: Array.from({ length: 21 }, () => ['a', 'b'] as const) }, 'RELAY_TOO_LONG'],
    ['a metadata value of 256 bytes', { type: 'metadata', entries: [['a', 'b'.repeat(256)]] }, 'RELAY_TOO_LONG'],
    ['an opaque feature of 64 KiB', { type: 'opaque', code: 9, bytes: Buffer.alloc(65_536) }, 'RELAY_TOO_LONG'],
    ['a port of 65536', addr('a', 65_536), 'RELAY_INVALID'],
    ['a weight of 256', { type: 'tunnel', id: id(U, 256) }, 'RELAY_INVALID'],
    ['a tunnel id that is no UUID', { type: 'tunnel', id: id('my-tunnel', 1) }, 'RELAY_INVALID']
  ])('refuses %s', (_, feature, code) => {
    expect(() => encodeRequest(request(0, feature))).toThrow(expect.objectContaining({ code, name: 'ProtocolError' }))
  })

  it('refuses a feature list over 65,535 bytes', () => {
    const feature: Feature = { type: 'opaque', code: 9, bytes: Buffer.alloc(40_000) }
    expect(() => encodeResponse(response(0, feature, feature))).toThrow(expect.objectContaining({ code: 'RELAY_TOO_LONG' }))
  })

  it('never shows a password in an error', () => {
    const auth: Feature = { type: 'auth', user: 'u', password: 'secret'.repeat(50) }
    expect(() => encodeRequest(request(0, auth))).toThrow(/^(?!.*secret)/)
  })
})
