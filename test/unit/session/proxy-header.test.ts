import { describe, expect, it } from 'vitest'
import { proxyHeader } from '../../../src/session/proxy-header.ts'

describe('proxyHeader', () => {
  it('writes version 1 as a line of text', () => {
    expect(proxyHeader(1, { host: '203.0.113.9', port: 50_123 }).toString()).toBe('PROXY TCP4 203.0.113.9 0.0.0.0 50123 0\r\n')
    expect(proxyHeader(1, { host: '2001:db8::9', port: 1 }).toString()).toBe('PROXY TCP6 2001:db8::9 :: 1 0\r\n')
    expect(proxyHeader(1, { host: 'visitor.example', port: 1 }).toString()).toBe('PROXY UNKNOWN\r\n')
  })

  it('writes version 2 in binary, with the length of what follows', () => {
    const four = proxyHeader(2, { host: '203.0.113.9', port: 50_123 })
    expect(four.toString('hex')).toBe('0d0a0d0a000d0a515549540a2111000ccb00710900000000c3cb0000')
    const six = proxyHeader(2, { host: '2001:db8::9', port: 443 })
    expect(six.length).toBe(16 + 36)
    expect(six.readUInt16BE(14)).toBe(36)
  })
})
