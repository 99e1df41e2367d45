/** A mirror with a local app on loopback, copies as a server of ours would send them, and every event. */
import { systemClock } from '../../../src/base/clock.ts'
import { silent } from '../../../src/base/log.ts'
import { ExchangeStore } from '../../../src/capture/exchange-store.ts'
import { maskHeaders } from '../../../src/capture/mask.ts'
import { eventStream } from '../../../src/event/stream.ts'
import type { EventType, SessionEvent } from '../../../src/event/types.ts'
import { type Mirror, mirror, type MirrorLimits } from '../../../src/mirror/mirror.ts'
import { type OriginalContext, tellOriginal } from '../../../src/mirror/original.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import type { Copy } from '../../../src/tunnel/mirror-channel.ts'

export interface MirrorWorld {
  mirror: Mirror
  events: SessionEvent[]
  context: OriginalContext
  offer(copy: Copy): void
  of<T extends EventType>(type: T): Extract<SessionEvent, { type: T }>[]
}

export function mirrorWorld(port: number, limits: Partial<MirrorLimits> = {}, ignored: readonly string[] = []): MirrorWorld {
  const events: SessionEvent[] = []
  const stream = eventStream('test', systemClock)
  stream.subscribe(event => events.push(event))
  let count = 0
  const context = {
    clock: systemClock,
    emit: stream.emit,
    nextId: () => String((count += 1)),
    mask: maskHeaders(),
    store: new ExchangeStore(),
    target: 'nginx'
  }
  const under = mirror({
    ...context,
    dial: dialTcp({ host: '127.0.0.1', port }),
    address: `127.0.0.1:${port}`,
    log: silent,
    ignored: new Set(ignored),
    limits
  })
  return {
    mirror: under,
    events,
    context,
    offer(copy) {
      const original = tellOriginal(copy, context)
      if (original !== undefined) under.offer(original)
    },
    of: <T extends EventType>(type: T) => events.filter((event): event is Extract<SessionEvent, { type: T }> => event.type === type)
  }
}

export const copyOf = (request: string, response: string, rest: Partial<Copy> = {}): Copy => ({
  type: 'copy',
  source: '10.1.2.3:4567',
  ms: 12,
  request: Buffer.from(request),
  response: Buffer.from(response),
  ...rest
})

export const get = (path: string, extra = ''): string => `GET ${path} HTTP/1.1\r\nHost: nginx.local\r\n${extra}\r\n`
export const ok = (body: string, extra = ''): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${extra}\r\n${body}`
