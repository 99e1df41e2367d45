/**
 * Connections that have not said yet what they want, so many at most. Where one more comes the oldest goes: whoever means it is done within a moment, and
 * silent strangers keep nobody out.
 */
import type { Connection } from '../base/connection.ts'

export class Unfinished {
  readonly #limit: number
  readonly #waiting = new Set<Connection>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Until `leave`, or until it is closed. */
  enter(connection: Connection): void {
    if (this.#waiting.size >= this.#limit) {
      const [oldest] = this.#waiting
      if (oldest !== undefined) {
        this.#waiting.delete(oldest)
        oldest.destroy()
      }
    }
    this.#waiting.add(connection)
    connection.once('close', () => this.#waiting.delete(connection))
  }

  leave(connection: Connection): void {
    this.#waiting.delete(connection)
  }
}
