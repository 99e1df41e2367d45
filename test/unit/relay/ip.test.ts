import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesFromIp, ipFromBytes } from '../../../src/relay/ip.ts'

describe('an IP literal', () => {
  it.each([
    ['1.2.3.4', '01020304'],
    ['::', '00'.repeat(16)],
    ['::1', `${'00'.repeat(15)}01`],
    ['fe80::', `fe80${'00'.repeat(14)}`],
    ['2001:db8::1:0:0:1', '20010db8000000000001000000000001'],
    ['::ffff:10.0.0.1', '0a000001'],
    ['64:ff9b::1.2.3.4', '0064ff9b000000000000000001020304'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008']
  ])('%s is %s', (text, hex) => {
    expect(bytesFromIp(text)?.toString('hex')).toBe(hex)
  })

  it.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4.5',
    'fe80::1%eth0',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    '1.2.3.4::',
    'nginx.local'
  ])('%j is none', text => {
    expect(bytesFromIp(text)).toBeUndefined()
  })

  it('survives bytes → text → bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), array => {
        const bytes = Buffer.from(array)
        expect(bytesFromIp(ipFromBytes(bytes))?.equals(bytes)).toBe(true)
      }),
      { numRuns: 200 }
    )
  })

  it('shortens the first longest run of zeros only', () => {
    expect(ipFromBytes(Buffer.from('20010db8000000010000000000000001', 'hex'))).toBe('2001:db8:0:1::1')
    expect(ipFromBytes(Buffer.from('20010000000100020003000400050006', 'hex'))).toBe('2001:0:1:2:3:4:5:6')
  })
})
