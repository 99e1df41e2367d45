/**
 * Who sends next. Control frames first, then one frame per stream in turn, in batches: everything of a tick goes out as one write, the next
 * batch is put together when the connection has taken the last one. Driven by write completion, never by `drain`.
 */
import { setImmediate } from 'node:timers'
import type { Connection } from '../base/connection.ts'
import { Batch, Slab } from './batch.ts'
import { FRAME, MAX_FRAME_BYTES } from './frame.ts'
import { Outbox } from './outbox.ts'
import type { Account } from './send-budget.ts'
import { SendWindow } from './send-window.ts'

/** So many streams do not wait for the end of the tick: the peer starts on them while this side reads on. */
const EARLY_STREAMS = 32
/** Queued for the connection at most, so that a bulk stream delays others by no more than this. */
const BATCH_BYTES = 262_144

/** The sending half of a stream. */
export class Sender {
  readonly id: number
  readonly window = new SendWindow()
  readonly outbox = new Outbox()
  /** SYN is still to be sent; it goes out in one batch with the first data there is. */
  synDue: boolean
  /** An empty PSH is to be sent behind the last byte. */
  endDue = false
  finDue = false
  finSent = false
  /** In the writer's ring. */
  queued = false
  next: Sender | undefined
  /** Where the peer has a budget over all streams. */
  readonly account: Account | undefined

  constructor(id: number, synDue: boolean, account?: Account) {
    this.id = id
    this.account = account
    this.synDue = synDue
  }
}

export interface WriterOptions {
  connection: Connection
  /** The next update of a stream, decided at the last moment; undefined when the stream is gone. */
  grant: (id: number) => { consumed: number; windowBytes: number } | undefined
  /** How many of `wanted` bytes the stream may send now, apart from its own window. */
  permit: (sender: Sender, wanted: number) => number
  onSent: (sender: Sender, bytes: number) => void
  onFin: (sender: Sender) => void
}

export class FrameWriter {
  readonly #options: WriterOptions
  readonly #slab = new Slab()
  #head: Sender | undefined
  #tail: Sender | undefined
  readonly #updates = new Set<number>()
  /** Streams that became ready since the last batch. */
  #waiting = 0
  #nop = false
  #scheduled = false
  /** Being put together, or on its way. */
  #batch: Batch | undefined
  #stopped = false

  constructor(options: WriterOptions) {
    this.#options = options
  }

  get queuedBytes(): number {
    return this.#batch?.bytes ?? 0
  }

  keepalive(): void {
    this.#nop = true
    this.#schedule()
  }

  update(id: number): void {
    this.#updates.add(id)
    this.#schedule()
  }

  /** The stream has something to send: SYN, data within its window, or FIN. */
  ready(sender: Sender): void {
    if (sender.queued) return
    // Before this one, of which more may follow in this turn: those that wait have said what they had.
    if (this.#waiting >= EARLY_STREAMS && this.#batch === undefined) this.#flush()
    this.#waiting += 1
    this.#enqueue(sender)
    this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    this.#head = undefined
    this.#tail = undefined
    this.#updates.clear()
  }

  #enqueue(sender: Sender): void {
    sender.queued = true
    sender.next = undefined
    if (this.#tail === undefined) this.#head = sender
    else this.#tail.next = sender
    this.#tail = sender
  }

  #dequeue(): Sender | undefined {
    const sender = this.#head
    if (sender === undefined) return undefined
    this.#head = sender.next
    if (this.#head === undefined) this.#tail = undefined
    sender.next = undefined
    sender.queued = false
    return sender
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped || this.#batch !== undefined) return
    this.#scheduled = true
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    if (this.#stopped || this.#batch !== undefined) return
    const batch = new Batch(this.#slab)
    this.#batch = batch
    this.#waiting = 0
    if (this.#nop) batch.header(FRAME.NOP, 0)
    this.#nop = false
    for (const id of this.#updates) {
      const grant = this.#options.grant(id)
      if (grant !== undefined) batch.update(id, grant)
    }
    // Each clear() chains one more table to the last one (stream-table.ts).
    if (this.#updates.size > 0) this.#updates.clear()
    while (batch.bytes < BATCH_BYTES) {
      const sender = this.#dequeue()
      if (sender === undefined) break
      if (this.#frame(sender, batch)) this.#enqueue(sender)
    }
    if (batch.bytes === 0) {
      this.#taken(batch)
      return
    }
    batch.write(this.#options.connection, error => this.#taken(batch, error))
  }

  /** Puts at most one data frame of the stream into the batch; true when it has more that may go. */
  #frame(sender: Sender, batch: Batch): boolean {
    if (sender.finSent) return false
    if (sender.synDue) {
      sender.synDue = false
      batch.header(FRAME.SYN, sender.id)
    }
    const { window, outbox } = sender
    if (outbox.bytes > 0) {
      const wanted = Math.min(outbox.bytes, window.available, window.toReportPoint, MAX_FRAME_BYTES)
      const length = wanted > 0 ? this.#options.permit(sender, wanted) : 0
      if (length <= 0) return false
      batch.header(FRAME.PSH, sender.id, length)
      outbox.move(length, batch.payload, batch.taken)
      window.sent += length
      this.#options.onSent(sender, length)
    } else outbox.move(0, batch.payload, batch.taken)
    if (outbox.bytes > 0) return window.available > 0
    if (sender.endDue) {
      sender.endDue = false
      batch.header(FRAME.PSH, sender.id, 0)
    }
    if (sender.finDue) {
      sender.finSent = true
      batch.header(FRAME.FIN, sender.id)
      this.#options.onFin(sender)
    }
    return false
  }

  #taken(batch: Batch, error?: Error | null): void {
    this.#batch = undefined
    for (const taken of batch.taken) taken(error)
    if (this.#head !== undefined || this.#updates.size > 0 || this.#nop) this.#schedule()
  }
}
