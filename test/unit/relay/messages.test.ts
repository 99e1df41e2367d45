import { describe, expect, it } from 'vitest'
import { bindRequest, bindResponse, connectRequest, MINIMAL_OPEN, refusal, streamOpen } from '../../../src/relay/addresses.ts'
import { answerCapability, offerCapability, readCapability } from '../../../src/relay/capability.ts'
import { RequestDecoder, ResponseDecoder } from '../../../src/relay/decode.ts'
import { encodeRequest, encodeResponse } from '../../../src/relay/encode.ts'
import { endpointHost, findFeature, findTunnelId, firstAddress, secondAddress } from '../../../src/relay/find.ts'
import { STATUS } from '../../../src/relay/message.ts'
import { statusText } from '../../../src/relay/status.ts'
import { parseUuid } from '../../../src/relay/uuid.ts'
import { vectorText } from '../../harness/vectors.ts'

const U = '4d21094e-b74c-4916-86c1-d9fa36ea677b'
const C = '0f0e0d0c-0b0a-4908-8706-050403020100'
const local = { host: '10.42.0.7', port: 51_234 }

describe('messages as stock gost sends them', () => {
  it('writes the bind of a new client', () => {
    expect(encodeRequest(bindRequest({ tunnelId: U, weight: 255, local })).toString('hex')).toBe(vectorText(15))
  })

  it('writes a bind with credentials', () => {
    const request = bindRequest({ tunnelId: U, weight: 1, local, auth: { user: 'user', password: 'pass' } })
    expect(encodeRequest(request).toString('hex')).toBe(vectorText(16))
  })

  it('writes a UDP bind', () => {
    expect(encodeRequest(bindRequest({ tunnelId: U, weight: 0, local, udp: true })).toString('hex')).toBe(vectorText(17))
  })

  it('answers a bind with address and connector, as a gost client needs it', () => {
    expect(encodeResponse(bindResponse({ tunnelId: U, connectorId: C, weight: 255 })).toString('hex')).toBe(vectorText(19))
    expect(encodeResponse(bindResponse({ tunnelId: U, connectorId: C, weight: 0, udp: true })).toString('hex')).toBe(vectorText(20))
  })

  it('refuses with a bare status', () => {
    expect(encodeResponse(refusal(STATUS.UNAUTHORIZED)).toString('hex')).toBe(vectorText(22))
  })

  it('opens a stream', () => {
    const open = streamOpen({ source: { host: '203.0.113.9', port: 50_123 }, destination: { host: 'nginx.local', port: 80 } })
    expect(encodeResponse(open).toString('hex')).toBe(vectorText(24))
    expect(encodeResponse(MINIMAL_OPEN).toString('hex')).toBe(vectorText(28))
  })

  it('never sends a name as source: a gost client would look it up', () => {
    const open = streamOpen({ source: { host: 'visitor.example', port: 1 }, destination: { host: 'nginx.local', port: 80 } })
    expect(firstAddress(open)).toEqual({ host: '0.0.0.0', port: 0 })
  })

  it('connects as a visitor', () => {
    const request = connectRequest({
      source: { host: '10.0.0.5', port: 40_000 },
      destination: { host: 'nginx.local', port: 80 },
      tunnelId: U
    })
    expect(encodeRequest(request).toString('hex')).toBe(vectorText(29))
  })
})

describe('what receivers look for', () => {
  it('takes a third address for the destination, as gost does', () => {
    const { features } = connectRequest({ destination: { host: 'b', port: 2 }, tunnelId: U })
    const message = { status: 0, features: [...features, { type: 'addr', host: 'c', port: 3 } as const] }
    expect(secondAddress(message)).toEqual({ host: 'c', port: 3 })
    expect(findTunnelId(message)?.uuid).toBe(U)
  })

  it('finds nothing in a message without features', () => {
    expect([firstAddress(MINIMAL_OPEN), secondAddress(MINIMAL_OPEN), findTunnelId(MINIMAL_OPEN)]).toEqual([undefined, undefined, undefined])
  })

  it('takes the last credentials', () => {
    const features = ['a', 'b'].map(user => ({ type: 'auth', user, password: '' }) as const)
    expect(findFeature({ status: 0, features }, 'auth')?.user).toBe('b')
  })

  it('derives the endpoint host as gost does', () => {
    expect(endpointHost(U.toUpperCase())).toBe(vectorText(47))
    expect(endpointHost('381433e1-7980-11ee-bbdb-60f262c1e32d')).toBe(vectorText(48))
  })
})

describe('capability', () => {
  it('passes between two of ours', () => {
    const request = new RequestDecoder().push(encodeRequest(bindRequest({ tunnelId: U, weight: 1, capability: 1 })))
    expect(request && readCapability(request.message)).toBe(1)
    const answer = bindResponse({ tunnelId: U, connectorId: C, weight: 1, capability: 1 })
    const response = new ResponseDecoder().push(encodeResponse(answer))
    expect(response && readCapability(response.message)).toBe(1)
  })

  it('is the flag 0x40 and 6b31 in bytes 17–18, which stock gost ignores', () => {
    const bytes = encodeRequest(offerCapability(bindRequest({ tunnelId: U, weight: 1, local })))
    expect(bytes[1]).toBe(0x42)
    expect(bytes.subarray(-4).toString('hex')).toBe('006b3101')
  })

  it('is not seen where a gost peer speaks', () => {
    expect(readCapability(bindRequest({ tunnelId: U, weight: 1 }))).toBeUndefined()
    expect(readCapability(bindResponse({ tunnelId: U, connectorId: C, weight: 1 }))).toBeUndefined()
  })

  it('needs both flag and magic in a request, and a version of 1 to 9', () => {
    const offered = offerCapability(bindRequest({ tunnelId: U, weight: 1 }), 9)
    expect(readCapability(offered)).toBe(9)
    expect(readCapability({ ...offered, flags: 0 })).toBeUndefined()
    expect(readCapability(answerCapability(bindResponse({ tunnelId: U, connectorId: C, weight: 1 }), 10))).toBeUndefined()
  })
})

describe('uuid', () => {
  it.each([U, U.toUpperCase(), `urn:uuid:${U}`, `URN:UUID:${U}`, `{${U}}`, `"${U}"`, U.replaceAll('-', '')])(
    'accepts %s as google/uuid does',
    text => {
      expect(parseUuid(text)).toBe(U)
    }
  )

  it.each(['', 'my-tunnel', U.slice(1), `${U}0`, U.replaceAll('-', '_'), `urn:uuid;${U}`, U.replace('4d', 'zz')])('refuses %j', text => {
    expect(parseUuid(text)).toBeUndefined()
  })
})

it('puts statuses in words', () => {
  expect(statusText(STATUS.SERVICE_UNAVAILABLE)).toBe('service unavailable')
  expect(statusText(0x42)).toBe('unknown status 0x42')
})
