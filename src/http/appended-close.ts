/**
 * A stock tunnel server asks for a new connection to the app with each request: Go's transport writes `Connection: close` behind all other
 * fields (net/http transport.go, DisableKeepAlives). That field belongs to the hop between the server and us (RFC 9110 §7.6.1), and a connection
 * to the app costs more than the rest of a small request. What a visitor asked stands further up, and is left alone.
 */
const APPENDED = Buffer.from('\r\nConnection: close\r\n\r\n')
const HEAD_END = '\r\n\r\n'
const FIELD_BYTES = APPENDED.length - HEAD_END.length

/** `first` starts with a request. The same bytes when its head is not whole, or does not end with that field. */
export function withoutAppendedClose(first: Buffer): Buffer {
  const end = first.indexOf(HEAD_END)
  const at = end - FIELD_BYTES
  if (end < 0 || at < 0 || APPENDED.compare(first, at, end + HEAD_END.length) !== 0) return first
  const kept = Buffer.allocUnsafe(first.length - FIELD_BYTES)
  first.copy(kept, 0, 0, at)
  first.copy(kept, at, end)
  return kept
}
