import { describe, expect, it } from 'vitest'
import { describeDialError } from '../../../src/transport/errors.ts'
import { WebSocketRefused } from '../../../src/transport/websocket.ts'

const withCode = (code: string, message = code): Error => Object.assign(new Error(message), { code })

describe('describeDialError', () => {
  it.each([
    [withCode('ECONNREFUSED'), 'REFUSED', 'connection refused'],
    [withCode('ENOTFOUND'), 'NO_SUCH_HOST', 'no such host'],
    [withCode('EAI_AGAIN'), 'NO_SUCH_HOST', 'the name server does not answer'],
    [withCode('ETIMEDOUT'), 'TIMED_OUT', 'timed out'],
    [withCode('ECONNRESET'), 'RESET', 'connection closed by the other side'],
    [withCode('EHOSTUNREACH'), 'UNREACHABLE', 'host not reachable'],
    [withCode('EADDRINUSE'), 'IN_USE', 'address already in use'],
    [withCode('EMFILE'), 'TOO_MANY_FILES', 'too many open files'],
    [withCode('DEPTH_ZERO_SELF_SIGNED_CERT'), 'CERT_UNTRUSTED', 'certificate not trusted (self-signed)'],
    [withCode('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'CERT_UNTRUSTED', 'certificate not trusted (unknown authority)'],
    [withCode('ERR_TLS_CERT_ALTNAME_INVALID'), 'CERT_WRONG_NAME', 'certificate is for another name'],
    [withCode('CERT_HAS_EXPIRED'), 'CERT_EXPIRED', 'certificate has expired'],
    [withCode('ERR_SSL_WRONG_VERSION_NUMBER'), 'NOT_TLS', 'the other side does not speak TLS'],
    [withCode('EPROTO', 'ssl3_get_record:wrong version number'), 'NOT_TLS', 'the other side does not speak TLS'],
    [withCode('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), 'TLS_FAILED', 'the TLS handshake failed'],
    [withCode('HPE_INVALID_CONSTANT'), 'NOT_WEBSOCKET', 'the other side does not speak HTTP'],
    [new Error('Invalid Sec-WebSocket-Accept header'), 'NOT_WEBSOCKET', 'the other side does not speak WebSocket'],
    [new WebSocketRefused(404, ''), 'HTTP_REFUSED', 'answered HTTP 404 instead of a WebSocket'],
    [AbortSignal.timeout(0).reason ?? new DOMException('', 'TimeoutError'), 'TIMED_OUT', 'timed out'],
    [new DOMException('', 'AbortError'), 'ABORTED', 'stopped'],
    [new Error('outer', { cause: withCode('ECONNREFUSED') }), 'REFUSED', 'connection refused'],
    [new AggregateError([withCode('ECONNREFUSED'), withCode('ENETUNREACH')]), 'REFUSED', 'connection refused'],
    [new Error('something else'), 'FAILED', 'something else'],
    ['a text', 'FAILED', 'a text']
  ])('%s → %s', (error, code, reason) => {
    expect(describeDialError(error)).toEqual({ code, reason })
  })
})
