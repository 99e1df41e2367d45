import { describe, expect, it } from 'vitest'
import { withoutAppendedClose } from '../../../src/http/appended-close.ts'

const after = (text: string): string => String(withoutAppendedClose(Buffer.from(text)))

describe('what a stock server appends to each request', () => {
  it('is taken away behind the last field, with everything else as it was', () => {
    expect(after('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toBe('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(after('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc')).toBe(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'
    )
  })

  it('is taken away once, where a visitor asked for the same', () => {
    expect(after('GET / HTTP/1.1\r\nConnection: close\r\nHost: x\r\nConnection: close\r\n\r\n')).toBe(
      'GET / HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n'
    )
  })

  it.each([
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET / HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nX-Connection: close\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\n\r\nConnection: close\r\n\r\n',
    'Connection: close\r\n\r\n',
    '\r\n\r\n',
    ''
  ])('leaves the same bytes where it does not stand: %j', text => {
    const bytes = Buffer.from(text)
    expect(withoutAppendedClose(bytes)).toBe(bytes)
  })
})
