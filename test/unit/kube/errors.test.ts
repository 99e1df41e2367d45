import { describe, expect, test } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { forwardError, parseStatus, statusError, unreachable } from '../../../src/kube/errors.ts'

const who = { server: 'https://api:6443', user: 'me@dev' }
const status = (message: string, reason = ''): string => JSON.stringify({ kind: 'Status', reason, message })

describe('statusError', () => {
  test('takes the verb that the server checked, which depends on its version', () => {
    const body = status('pods "a" is forbidden: User "u" cannot create resource "pods/portforward" in API group ""')
    const error = statusError(403, body, { verb: 'get', resource: 'pods/portforward', namespace: 'x', name: 'a' }, who)
    expect(error).toMatchObject({
      code: 'CLUSTER_FORBIDDEN',
      message: 'me@dev may not create pods/portforward a in namespace x',
      hint: 'kubectl auth can-i create pods --subresource=portforward -n x'
    })
  })

  test('says that a list over all namespaces was forbidden', () => {
    expect(statusError(403, '', { verb: 'list', resource: 'secrets' }, who)).toMatchObject({
      message: 'me@dev may not list secrets in all namespaces',
      hint: 'kubectl auth can-i list secrets -A'
    })
  })

  test('quotes one line of the server, without control characters', () => {
    const error = statusError(500, status('etcd \u001b[31mdown\nsecond line'), { verb: 'list', resource: 'pods' }, who)
    expect(error.message).toBe('https://api:6443 answered 500 when asked to list pods: etcd \\x1b[31mdown')
  })

  test('does not quote a page of HTML', () => {
    const error = statusError(502, '<html><body>Bad Gateway</body></html>', { verb: 'list', resource: 'pods' }, who)
    expect(error.message).toBe('https://api:6443 answered 502 when asked to list pods')
  })
})

describe('parseStatus', () => {
  test.each(['', 'text', '[]', '{"kind":"Pod"}', '{"kind":', `{"kind":"Status","message":"${'x'.repeat(70_000)}"}`])(
    '%.30s is none',
    body => {
      expect(parseStatus(body)).toBeUndefined()
    }
  )
})

describe('unreachable', () => {
  const failure = (code: string): Error => Object.assign(new Error(code), { code })

  test.each([
    ['ECONNREFUSED', 'connection refused', 'kubectl cluster-info'],
    ['ENOTFOUND', 'no such host', 'VPN'],
    ['ETIMEDOUT', 'timed out', 'VPN'],
    ['CERT_HAS_EXPIRED', 'certificate has expired', 'renewed'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate is for another name', '--tls-server-name'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate not trusted', '--certificate-authority'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'does not speak TLS', 'scheme']
  ])('%s says "%s"', (code, reason, hint) => {
    expect(unreachable(failure(code), 'https://api:6443')).toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringMatching(new RegExp(`^cannot reach the API server at https://api:6443: .*${reason}`)),
      hint: expect.stringContaining(hint)
    })
  })

  test('leaves our own errors and aborts as they are', () => {
    const own = new InterceptError('CLUSTER_CREDENTIALS', 'x')
    expect(unreachable(own, 's')).toBe(own)
    const abort = new DOMException('stop', 'AbortError')
    expect(unreachable(abort, 's')).toBe(abort)
  })
})

describe('forwardError', () => {
  test.each([
    ['IPv4: dial tcp4 127.0.0.1:81: connect: connection refused IPv6 dial tcp6: address localhost', 'ECONNREFUSED'],
    ['dial tcp4 127.0.0.1:80: i/o timeout', 'ETIMEDOUT'],
    ['failed to find sandbox "x": not found', 'ECONNRESET'],
    ['dial tcp: connect: no route to host', 'EHOSTUNREACH']
  ])('%s is %s', (text, code) => {
    expect(forwardError(text, 'web', 81)).toMatchObject({ code, message: expect.stringMatching(/^pod web, port 81: /) })
  })
})
