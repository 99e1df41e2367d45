/** Turns `emit(type, body)` into numbered, dated events and hands them to every listener. */
import type { Clock } from '../base/clock.ts'
import type { About, Emit, EventBody, EventType, SessionEvent } from './types.ts'

export interface EventStream {
  emit: Emit
  /** Listeners are called in order, in the tick of `emit`; what one throws is dropped, so that no output can stop traffic. */
  subscribe(listener: (event: SessionEvent) => void): () => void
}

export function eventStream(session: string, clock: Clock): EventStream {
  const listeners = new Set<(event: SessionEvent) => void>()
  let seq = 0
  const at = dated()
  return {
    emit<T extends EventType>(type: T, body: EventBody<T>, about: About = {}): void {
      seq += 1
      // The union is built from the same table as the body, so the pieces fit by construction.
      const event = { v: 1, seq, at: at(clock.date()), session, ...about, type, ...body } as unknown as SessionEvent
      for (const listener of listeners) {
        try {
          listener(event)
        } catch {
          // An output that fails has its own error path; the session goes on.
        }
      }
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }
}

/** RFC 3339; the events of one millisecond share one text. */
function dated(): (date: Date) => string {
  let lastMs = Number.NaN
  let text = ''
  return date => {
    const ms = date.getTime()
    if (ms !== lastMs) text = date.toISOString()
    lastMs = ms
    return text
  }
}
