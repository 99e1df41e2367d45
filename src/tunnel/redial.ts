/**
 * Dials on a line that may be down. A system that sends its SYN again waits 1, 2, 4, 8 s, so an attempt begun during an outage notices late
 * that the line is back: others join it, the first one through wins, and the rest are dropped before they bind anything.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Connection, Dial } from '../base/connection.ts'

/** After the start of the attempt before. */
const JOIN_MS = [1_000, 1_000, 1_000, 2_000, 2_000, 3_000, 3_000]

/** Rejects with the last error once no attempt is left, or when `limitMs` are over. */
export function redial(dial: Dial, clock: Clock, limitMs = 15_000): Dial {
  return signal => new Promise((resolve, reject) => new Race({ dial, clock, limitMs, signal, resolve, reject }).begin())
}

interface RaceOptions {
  dial: Dial
  clock: Clock
  limitMs: number
  signal: AbortSignal
  resolve: (connection: Connection) => void
  reject: (reason: unknown) => void
}

class Race {
  readonly #options: RaceOptions
  readonly #stop = new AbortController()
  readonly #timers: Timer[] = []
  #running = 0
  #over = false

  constructor(options: RaceOptions) {
    this.#options = options
  }

  begin(): void {
    const { clock, limitMs, signal } = this.#options
    if (signal.aborted) {
      this.#end(() => this.#options.reject(signal.reason))
      return
    }
    signal.addEventListener('abort', this.#onAbort, { once: true })
    const late = Object.assign(new Error(`no connection within ${limitMs / 1_000} s`), { code: 'ETIMEDOUT' })
    this.#timers.push(clock.after(limitMs, () => this.#end(() => this.#options.reject(late))))
    let joinMs = 0
    for (const ms of JOIN_MS) this.#timers.push(clock.after((joinMs += ms), () => this.#attempt()))
    this.#attempt()
  }

  readonly #onAbort = (): void => this.#end(() => this.#options.reject(this.#options.signal.reason))

  #attempt(): void {
    this.#running += 1
    this.#options.dial(this.#stop.signal).then(
      connection => {
        if (this.#over) connection.on('error', () => {}).destroy()
        else this.#end(() => this.#options.resolve(connection))
      },
      error => {
        this.#running -= 1
        // Refused at once: the pause until the next attempt is the caller's.
        if (this.#running === 0) this.#end(() => this.#options.reject(error))
      }
    )
  }

  #end(settle: () => void): void {
    if (this.#over) return
    this.#over = true
    for (const timer of this.#timers) timer.cancel()
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    settle()
    this.#stop.abort(new Error('another attempt was quicker'))
  }
}
