/** Text for an output, joined: what follows closely after a write goes out together, since a write per line costs more than the line. */
import { type Clock, systemClock, type Timer } from '../base/clock.ts'
import type { TextWriter } from './plain.ts'

const TOGETHER_MS = 25

export interface JoinedWriter extends TextWriter {
  /** Hands on what waits, now. */
  flush(): void
}

export function joinedWriter(out: TextWriter, clock: Clock = systemClock): JoinedWriter {
  let pending = ''
  let together: Timer | undefined
  const flush = (): void => {
    if (pending === '') return
    const text = pending
    pending = ''
    out.write(text)
  }
  const soon = (): void => {
    if (together !== undefined) return
    flush()
    together = clock.after(
      TOGETHER_MS,
      () => {
        together = undefined
        if (pending !== '') soon()
      },
      { unref: true }
    )
  }
  return {
    get writableLength() {
      return out.writableLength + pending.length
    },
    write(text) {
      pending += text
      soon()
    },
    flush
  }
}
