/**
 * What a failed dial means, in words for a person. Beside `kube/errors.ts` the only place that looks into foreign error codes and texts.
 * The words name the failure only; who was dialled is for the caller to say.
 */
import { asError, errnoOf, isAbort } from '../base/errors.ts'
import { WebSocketRefused } from './websocket.ts'

export type DialErrorCode =
  | 'REFUSED'
  | 'NO_SUCH_HOST'
  | 'UNREACHABLE'
  | 'TIMED_OUT'
  | 'RESET'
  | 'NOT_PERMITTED'
  | 'IN_USE'
  | 'TOO_MANY_FILES'
  | 'CERT_UNTRUSTED'
  | 'CERT_WRONG_NAME'
  | 'CERT_EXPIRED'
  | 'CERT_WANTED'
  | 'NOT_TLS'
  | 'TLS_FAILED'
  | 'HTTP_REFUSED'
  | 'NOT_WEBSOCKET'
  | 'ABORTED'
  | 'FAILED'

export interface DialErrorDescription {
  code: DialErrorCode
  /** `connection refused`, lower case, without a full stop. */
  reason: string
}

const BY_CODE: Readonly<Record<string, readonly [DialErrorCode, string]>> = {
  ECONNREFUSED: ['REFUSED', 'connection refused'],
  ENOTFOUND: ['NO_SUCH_HOST', 'no such host'],
  EAI_NODATA: ['NO_SUCH_HOST', 'no such host'],
  EAI_NONAME: ['NO_SUCH_HOST', 'no such host'],
  EAI_AGAIN: ['NO_SUCH_HOST', 'the name server does not answer'],
  EHOSTUNREACH: ['UNREACHABLE', 'host not reachable'],
  EHOSTDOWN: ['UNREACHABLE', 'host not reachable'],
  ENETUNREACH: ['UNREACHABLE', 'network not reachable'],
  ENETDOWN: ['UNREACHABLE', 'network not reachable'],
  EADDRNOTAVAIL: ['UNREACHABLE', 'address not available on this machine'],
  ETIMEDOUT: ['TIMED_OUT', 'timed out'],
  ECONNRESET: ['RESET', 'connection closed by the other side'],
  EPIPE: ['RESET', 'connection closed by the other side'],
  ECONNABORTED: ['RESET', 'connection closed by the other side'],
  EACCES: ['NOT_PERMITTED', 'not permitted'],
  EPERM: ['NOT_PERMITTED', 'not permitted'],
  EADDRINUSE: ['IN_USE', 'address already in use'],
  EMFILE: ['TOO_MANY_FILES', 'too many open files'],
  ENFILE: ['TOO_MANY_FILES', 'too many open files'],
  CERT_HAS_EXPIRED: ['CERT_EXPIRED', 'certificate has expired'],
  CERT_NOT_YET_VALID: ['CERT_EXPIRED', 'certificate is not valid yet'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['CERT_WRONG_NAME', 'certificate is for another name'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['CERT_UNTRUSTED', 'certificate not trusted (self-signed)'],
  SELF_SIGNED_CERT_IN_CHAIN: ['CERT_UNTRUSTED', 'certificate not trusted (self-signed authority)'],
  UNABLE_TO_GET_ISSUER_CERT: ['CERT_UNTRUSTED', 'certificate not trusted (unknown authority)'],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['CERT_UNTRUSTED', 'certificate not trusted (unknown authority)'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['CERT_UNTRUSTED', 'certificate not trusted (unknown authority)'],
  CERT_UNTRUSTED: ['CERT_UNTRUSTED', 'certificate not trusted'],
  CERT_REJECTED: ['CERT_UNTRUSTED', 'certificate not trusted'],
  CERT_REVOKED: ['CERT_UNTRUSTED', 'certificate was revoked'],
  INVALID_CA: ['CERT_UNTRUSTED', 'certificate not trusted (not an authority)'],
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: ['CERT_WANTED', 'the server wants a client certificate'],
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: ['TLS_FAILED', 'the TLS handshake was refused'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['NOT_TLS', 'the other side does not speak TLS'],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ['NOT_TLS', 'the other side does not speak TLS'],
  ERR_SSL_HTTP_REQUEST: ['NOT_TLS', 'the other side does not speak TLS']
}

/** Classifies what a `Dial`, TLS or WebSocket handshake rejected with. */
export function describeDialError(thrown: unknown): DialErrorDescription {
  const error = asError(thrown)
  if (error instanceof WebSocketRefused) return { code: 'HTTP_REFUSED', reason: `answered HTTP ${error.status} instead of a WebSocket` }
  if (error.name === 'TimeoutError') return { code: 'TIMED_OUT', reason: 'timed out' }
  if (isAbort(error)) return { code: 'ABORTED', reason: 'stopped' }
  const code = errnoOf(error) ?? ''
  const known = BY_CODE[code]
  if (known !== undefined) return { code: known[0], reason: known[1] }
  // All addresses of a name failed: the first one speaks for them.
  if (error instanceof AggregateError && error.errors.length > 0) return describeDialError(error.errors[0])
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code === 'EPROTO') return describeTls(error.message)
  if (code === 'WS_HANDSHAKE') return { code: 'NOT_WEBSOCKET', reason: 'the other side does not speak WebSocket' }
  if (code.startsWith('HPE_')) return { code: 'NOT_WEBSOCKET', reason: 'the other side does not speak HTTP' }
  // `ws` gives these no code (ws/lib/websocket.js, abortHandshake).
  if (/^(?:Invalid (?:Upgrade|Sec-WebSocket)|Server (?:sent|indicated))/.test(error.message)) {
    return { code: 'NOT_WEBSOCKET', reason: 'the other side does not speak WebSocket' }
  }
  return error.cause === undefined ? { code: 'FAILED', reason: error.message } : describeDialError(error.cause)
}

function describeTls(message: string): DialErrorDescription {
  if (/wrong version number|packet length too long|http request/i.test(message)) {
    return { code: 'NOT_TLS', reason: 'the other side does not speak TLS' }
  }
  if (/certificate required|bad certificate/i.test(message)) return { code: 'CERT_WANTED', reason: 'the server wants a client certificate' }
  return { code: 'TLS_FAILED', reason: 'the TLS handshake failed' }
}
