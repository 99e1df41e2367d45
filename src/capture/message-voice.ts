/**
 * Tells the messages of one exchange as `exchange.message` events: each one up to 20 in a second, beyond that one event per direction and
 * second with their count and bytes. Has no timer: what is left of a second is told with the next message, or at the end.
 */
import type { Clock } from '../base/clock.ts'
import { printable } from '../base/format.ts'
import type { EventBody } from '../event/types.ts'
import type { KeptMessage } from './kept.ts'

const PER_SECOND = 20
const SECOND_MS = 1_000
const PREVIEW_CHARS = 200

type MessageEvent = EventBody<'exchange.message'>

export interface MessageVoiceOptions {
  id: string
  clock: Clock
  tell: (body: MessageEvent) => void
}

export class MessageVoice {
  readonly #options: MessageVoiceOptions
  #since = Number.NEGATIVE_INFINITY
  #told = 0
  readonly #untold = new Map<string, { event: MessageEvent; count: number }>()

  constructor(options: MessageVoiceOptions) {
    this.#options = options
  }

  said(message: KeptMessage): void {
    const now = this.#options.clock.now()
    if (now - this.#since >= SECOND_MS) {
      this.flush()
      this.#since = now
      this.#told = 0
    }
    const { id, tell } = this.#options
    const { direction, kind, size } = message
    this.#told += 1
    if (this.#told <= PER_SECOND) {
      tell({ id, direction, kind, bytes: size, ...previewOf(message) })
      return
    }
    const key = `${direction} ${kind}`
    const before = this.#untold.get(key)
    const bytes = (before?.event.bytes ?? 0) + size
    this.#untold.set(key, { event: { id, direction, kind, bytes }, count: (before?.count ?? 0) + 1 })
  }

  flush(): void {
    for (const { event, count } of this.#untold.values()) this.#options.tell({ ...event, count })
    this.#untold.clear()
  }
}

function previewOf({ name, bytes, compressed, kind }: KeptMessage): { preview?: string } {
  if (compressed || (kind === 'ws' && name !== 'text')) return {}
  return { preview: printable(bytes.toString('utf8', 0, PREVIEW_CHARS * 4), PREVIEW_CHARS) }
}
