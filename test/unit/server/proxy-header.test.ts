import { describe, expect, it } from 'vitest'
import { readProxyHeader } from '../../../src/server/proxy-header.ts'
import { eventually } from '../../harness/eventually.ts'
import { feedEveryWay } from '../../harness/feed.ts'
import { HOST, request, startWorld } from './world.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const v2 = (hex: string): Buffer => Buffer.from(SIGNATURE + hex, 'hex')

const HEADERS: Record<string, { bytes: Buffer; source: { host: string; port: number } | undefined }> = {
  'TCP4 as text': { bytes: Buffer.from('PROXY TCP4 203.0.113.9 10.0.0.1 50123 80\r\n'), source: { host: '203.0.113.9', port: 50_123 } },
  'TCP6 as text': { bytes: Buffer.from('PROXY TCP6 2001:db8::9 ::1 50123 80\r\n'), source: { host: '2001:db8::9', port: 50_123 } },
  'UNKNOWN as text': { bytes: Buffer.from('PROXY UNKNOWN\r\n'), source: undefined },
  'TCP4 in binary': { bytes: v2('2111000ccb0071090a000001c3cb0050'), source: { host: '203.0.113.9', port: 50_123 } },
  'TCP4 in binary with a TLV': { bytes: v2('21110010cb0071090a000001c3cb00500400012a'), source: { host: '203.0.113.9', port: 50_123 } },
  'TCP6 in binary': {
    bytes: v2(`2121002420010db8000000000000000000000009${'0'.repeat(31)}1c3cb0050`),
    source: { host: '2001:db8::9', port: 50_123 }
  },
  'LOCAL in binary': { bytes: v2('20000000'), source: undefined }
}

describe('PROXY header', () => {
  it.each(Object.entries(HEADERS))('reads %s at every cut', (_name, { bytes, source }) => {
    feedEveryWay(Buffer.concat([bytes, Buffer.from('rest')]), chunks => {
      let seen = Buffer.alloc(0)
      let found: ReturnType<typeof readProxyHeader>
      for (const chunk of chunks) {
        seen = Buffer.concat([seen, chunk])
        found ??= readProxyHeader(seen)
        if (seen.length < bytes.length) expect(found).toBeUndefined()
      }
      expect(found).toEqual({ source, length: bytes.length })
    })
  })

  it.each([
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 x y 1 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 99999 2\r\n',
    'PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n',
    `PROXY ${'x'.repeat(200)}`
  ])('refuses %j', text => expect(() => readProxyHeader(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'PROXY_HEADER' })))

  it.each(['3111000ccb0071090a000001c3cb0050', '2111ffff', '21110004cb007109'])('refuses binary %s', hex =>
    expect(() => readProxyHeader(v2(hex))).toThrow(expect.objectContaining({ code: 'PROXY_HEADER' }))
  )

  it('is taken off before the first request, and needed where it is asked for', async () => {
    await using world = await startWorld({ server: { entrypoints: [{ host: '127.0.0.1', port: 0, proxyProtocol: true }] } })
    const visitor = await world.raw(
      Buffer.concat([HEADERS['TCP4 in binary']?.bytes ?? Buffer.alloc(0), Buffer.from(request('/', 'Connection: close\r\n'))])
    )
    await eventually(() => expect(visitor.text).toMatch(/200 OK[^]*app0\n$/))
    const bare = await world.raw(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
    await eventually(() => expect(bare.closed || bare.ended).toBe(true))
    expect(bare.text).toBe('')
  })
})
