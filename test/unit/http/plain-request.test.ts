import { describe, expect, it } from 'vitest'
import { isPlainRequest } from '../../../src/http/plain-request.ts'

const request = (fields = '', line = 'GET /cart HTTP/1.1'): Buffer => Buffer.from(`${line}\r\nHost: nginx.local\r\n${fields}\r\n`, 'latin1')

describe('isPlainRequest', () => {
  it.each(['GET / HTTP/1.1', 'HEAD /a HTTP/1.1', 'OPTIONS * HTTP/1.1'])('takes %s', line => {
    expect(isPlainRequest(request('', line))).toBe(true)
  })

  it.each(['Connection: keep-alive\r\n', 'Authorization: Bearer x\r\n', 'Accept: */*\r\n', 'X-Upgrade: no\r\n'])(
    'does not mind %j',
    fields => {
      expect(isPlainRequest(request(fields))).toBe(true)
    }
  )

  it.each([
    'Connection: close\r\n',
    'connection: Upgrade\r\nUpgrade: websocket\r\n',
    'Upgrade: h2c\r\n',
    'Content-Length: 0\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Expect: 100-continue\r\n',
    'Authorization: NTLM TlRM\r\n',
    'Authorization:Negotiate YII\r\n',
    'Proxy-Authorization: negotiate YII\r\n',
    'X: y\nContent-Length: 14\r\n',
    'X: y\rContent-Length: 14\r\n',
    'X: y\0Content-Length: 14\r\n',
    'X: y\r\n Content-Length: 14\r\n',
    '\xa0Content-Length: 14\r\n',
    'Content-Length\xa0: 14\r\n'
  ])('leaves %j alone', fields => {
    expect(isPlainRequest(request(fields))).toBe(false)
  })

  it.each(['POST / HTTP/1.1', 'DELETE /cart HTTP/1.1', 'GET / HTTP/1.0', 'PRI * HTTP/2.0', 'GET  HTTP/1.1x', 'get / HTTP/1.1'])(
    'leaves %s alone',
    line => {
      expect(isPlainRequest(request('', line))).toBe(false)
    }
  )

  it('wants the whole head and nothing behind it', () => {
    const whole = request()
    for (let cut = 0; cut < whole.length; cut += 1) expect(isPlainRequest(whole.subarray(0, cut))).toBe(false)
    expect(isPlainRequest(Buffer.concat([whole, Buffer.from('x')]))).toBe(false)
    expect(isPlainRequest(Buffer.concat([whole, whole]))).toBe(false)
    expect(isPlainRequest(request(`X: ${'a'.repeat(9_000)}\r\n`))).toBe(false)
  })
})
