/** A stream that was opened to a connector, and what is known of it: whether the connector has it, and whether an app does. */
import type { Connection } from '../base/connection.ts'
import type { BareStream } from '../smux/types.ts'
import type { Connector, TunnelStream } from './registry.ts'

export class OpenedStream implements TunnelStream {
  readonly connector: Connector
  readonly bare: BareStream
  readonly openedAt: number
  declined = false
  overdue = false
  #listener: (() => void) | undefined

  constructor(connector: Connector, bare: BareStream, openedAt: number) {
    this.connector = connector
    this.bare = bare
    this.openedAt = openedAt
  }

  get id(): number {
    return this.bare.id
  }

  get connection(): Connection {
    return this.bare.connection
  }

  get answered(): boolean {
    return this.bare.consumedBytes > 0 || this.bare.receivedBytes > 0
  }

  onUnanswered(listener: () => void): void {
    if (this.overdue) listener()
    else this.#listener = listener
  }

  /** Its end follows: the connector has no app for it. */
  decline(): void {
    this.declined = true
  }

  unanswered(): void {
    this.overdue = true
    this.#listener?.()
    this.#listener = undefined
  }
}
