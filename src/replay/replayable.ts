/** What can be sent again, and why some of it cannot: pure. */
import { formatBytes } from '../base/format.ts'
import { InterceptError } from '../base/errors.ts'
import { MASKED_VALUE } from '../capture/mask.ts'
import type { KeptExchange } from '../capture/kept.ts'
import type { Header } from '../event/types.ts'

export interface ReplayRequest {
  readonly method: string
  readonly target: string
  readonly headers: readonly Header[]
  readonly body: Buffer
  readonly trailers?: readonly Header[]
}

/** Throws CANNOT_REPLAY with the reason. `name`: as the person knows it, e.g. `#118`. */
export function replayable(
  { request, protocol, unparsed }: Pick<KeptExchange, 'request' | 'protocol' | 'unparsed'>,
  name: string
): ReplayRequest {
  if (request === undefined) throw cannot(name, 'it is no HTTP request')
  if (request.method === 'CONNECT') throw cannot(name, 'CONNECT opens a tunnel, and what went through it was not kept')
  // An offer of HTTP/2 (`h2c`, as curl and Java make it) was declined, or this would be no HTTP/1.1 request: it is sent without.
  if (protocol === 'websocket' || request.headers.some(([key, value]) => key.toLowerCase() === 'upgrade' && !/^h2c$/i.test(value.trim())))
    throw cannot(name, 'a WebSocket is a conversation, not a request')
  if (unparsed) throw cannot(name, 'its bytes could not be followed to their end')
  const { body } = request
  if (body.truncated) throw cannot(name, `only ${formatBytes(body.bytes.length)} of the ${formatBytes(body.size)} of its body were kept`)
  const { method, target, headers, trailers } = request
  return { method, target, headers, body: body.bytes, trailers }
}

/** Throws CANNOT_REPLAY for a value that a recording masks: never sent, it would be taken for the real one. */
export function withoutMasks(request: ReplayRequest, name: string): ReplayRequest {
  const masked = request.headers.find(([, value]) => value.includes(MASKED_VALUE))
  if (masked === undefined) return request
  const [header] = masked
  throw new InterceptError('CANNOT_REPLAY', `${name} cannot be sent again: the recording hides the value of ${header}`, {
    hint: `give one: --set-header '${header}: VALUE'; without a value (--set-header '${header}:') it is left out`,
    details: { header }
  })
}

/** As `--set-header` says: a header of that name is replaced in its place, or added; without a value it is left out. */
export function withHeaders(request: ReplayRequest, set: readonly Header[]): ReplayRequest {
  let headers: Header[] = [...request.headers]
  for (const [name, value] of set) {
    const at = headers.findIndex(([key]) => key.toLowerCase() === name.toLowerCase())
    const others = headers.filter(([key], index) => index === at || key.toLowerCase() !== name.toLowerCase())
    if (value === '') headers = others.filter(([key]) => key.toLowerCase() !== name.toLowerCase())
    else if (at === -1) headers = [...others, [name, value]]
    else headers = others.map(([key, old]): Header => (key.toLowerCase() === name.toLowerCase() ? [key, value] : [key, old]))
  }
  return { ...request, headers }
}

const cannot = (name: string, why: string): InterceptError =>
  new InterceptError('CANNOT_REPLAY', `${name} cannot be sent again: ${why}`, { hint: 'see docs/replay.md for what can' })
