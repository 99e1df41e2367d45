/**
 * Whether some bytes are one whole request that may be sent a second time when nothing came back: a method that only asks (RFC 9110 §9.2.1), no body, nothing
 * behind it, nothing that changes or binds the connection. A quick look, made for every visitor: in doubt it says no.
 */
const METHODS = /^(?:GET|HEAD|OPTIONS) /
/** A body, another protocol, a wish about this connection other than to keep it, or a login that belongs to the connection (NTLM, Kerberos). */
const SPECIAL =
  /\r\n(?:content-length|transfer-encoding|upgrade|expect|http2-settings|(?:proxy-)?authorization:[\t ]*(?:ntlm|negotiate)|connection:(?![\t ]*keep-alive[\t ]*\r\n))/i
const HEAD_END = '\r\n\r\n'
const VERSION = ' HTTP/1.1'
/** Larger ones are rare enough to be looked at by nobody. */
const LIMIT_BYTES = 8_192

export function isPlainRequest(bytes: Buffer): boolean {
  if (bytes.length > LIMIT_BYTES || bytes.length < HEAD_END.length) return false
  const text = bytes.toString('latin1')
  const lineEnd = text.indexOf('\r\n')
  return (
    text.indexOf(HEAD_END) === text.length - HEAD_END.length &&
    METHODS.test(text) &&
    text.startsWith(VERSION, lineEnd - VERSION.length) &&
    !SPECIAL.test(text)
  )
}
