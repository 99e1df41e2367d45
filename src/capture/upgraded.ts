/** What follows a 101: WebSocket messages both ways, or bytes that are only counted. A side that breaks the rules is followed no more. */
import { ProtocolError } from '../base/errors.ts'
import { hasToken } from '../http/header.ts'
import type { ResponseHead } from '../http/message.ts'
import type { Exchange } from './exchange.ts'
import { WebSocketReader } from './websocket-reader.ts'

export interface Upgraded {
  passed(direction: 'in' | 'out', bytes: Buffer): void
}

/** Undefined where nobody knows what comes. */
export function upgraded(exchange: Exchange, head: ResponseHead): Upgraded | undefined {
  if (!hasToken(head, 'upgrade', 'websocket')) return undefined
  exchange.becomes('websocket')
  const readers = {
    in: new WebSocketReader(message => exchange.said({ kind: 'ws', direction: 'in', ...message })),
    out: new WebSocketReader(message => exchange.said({ kind: 'ws', direction: 'out', ...message }))
  }
  let broken = false
  return {
    passed(direction, bytes) {
      if (broken) return
      try {
        readers[direction].push(bytes)
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        broken = true
        exchange.unparsed = true
      }
    }
  }
}
