/**
 * Whether some bytes are one whole request that may be sent a second time when nothing came back: a method that only asks (RFC 9110 §9.2.1), no body, nothing
 * behind it, nothing that changes or binds the connection. A quick look, made for every visitor: in doubt it says no. An app that reads a length where we see
 * none (behind a lone LF, say) would take the next visitor's request for the body of this one.
 */
const METHODS = /^(?:GET|HEAD|OPTIONS) /
/**
 * A line that begins with no name, a body, another protocol, a wish about this connection other than to keep it, or a login that belongs to the connection
 * (NTLM, Kerberos).
 */
const SPECIAL =
  /\r\n(?:[^!#-'*+\-.0-9A-Z^_`a-z|~\r]|content-length|transfer-encoding|upgrade|expect|http2-settings|(?:proxy-)?authorization:[\t ]*(?:ntlm|negotiate)|connection:(?![\t ]*keep-alive[\t ]*\r\n))/i
/** Lines that end with CRLF and hold no control character, up to the empty one. */
const LINES = /^(?:[\t\x20-\x7e\x80-\xff]+\r\n)+\r\n$/
const VERSION = ' HTTP/1.1'
/** Larger ones are rare enough to be looked at by nobody. */
const LIMIT_BYTES = 8_192

export function isPlainRequest(bytes: Buffer): boolean {
  if (bytes.length > LIMIT_BYTES || bytes.length === 0) return false
  const text = bytes.toString('latin1')
  const lineEnd = text.indexOf('\r\n')
  return METHODS.test(text) && LINES.test(text) && text.startsWith(VERSION, lineEnd - VERSION.length) && !SPECIAL.test(text)
}
