/**
 * The exchanges that the laptop remembers: a ring with caps on count, on each body, and on bytes in all. What is over a cap is forgotten from
 * the oldest end, open or not: an exchange that goes on after it was forgotten is still told in events.
 */
import type { ExchangeLog, KeptExchange } from './kept.ts'
import { KeptRecord, type KeptStart, type RecordKeeper } from './kept-record.ts'
import { Slab } from './slab.ts'

export interface StoreLimits {
  exchanges: number
  /** Of one body, each way. */
  bodyBytes: number
  /** Of everything kept, heads included. */
  totalBytes: number
  /** Of one exchange: WebSocket messages, server-sent events. */
  messages: number
}

const STORE_LIMITS: StoreLimits = { exchanges: 2_000, bodyBytes: 65_536, totalBytes: 67_108_864, messages: 200 }
/** What an entry costs beside its bytes, roughly. */
const ENTRY_BYTES = 1_024

export class ExchangeStore implements ExchangeLog, RecordKeeper {
  readonly limits: StoreLimits
  readonly slab = new Slab()
  version = 0
  started = 0
  /** Of all that is kept. */
  bytes = 0
  readonly #entries = new Map<string, KeptRecord>()
  /** In the order of starting; the first `#first` are forgotten. */
  #order: (KeptRecord | undefined)[] = []
  #first = 0

  constructor(limits: Partial<StoreLimits> = {}) {
    this.limits = { ...STORE_LIMITS, ...limits }
  }

  get size(): number {
    return this.#order.length - this.#first
  }

  get(id: string): KeptExchange | undefined {
    return this.#entries.get(id)
  }

  at(index: number): KeptExchange | undefined {
    return index < 0 ? undefined : this.#order[this.#first + index]
  }

  begin(start: KeptStart): KeptRecord {
    const record = new KeptRecord(start, this)
    this.started += 1
    this.#entries.set(start.id, record)
    this.#order.push(record)
    this.add(record, ENTRY_BYTES)
    if (this.size > this.limits.exchanges) this.#forget()
    return record
  }

  /** The answer of `id` was compared with that of the exchange it repeats. */
  compared(id: string, equal: boolean): void {
    const record = this.#entries.get(id)
    if (record === undefined) return
    record.equal = equal
    record.touched()
  }

  add(record: KeptRecord, bytes: number): void {
    this.version += 1
    if (record.forgotten) return
    record.kept += bytes
    this.bytes += bytes
    while (this.bytes > this.limits.totalBytes && this.size > 1) this.#forget()
  }

  #forget(): void {
    const oldest = this.#order[this.#first]
    if (oldest === undefined) return
    this.bytes -= oldest.kept
    oldest.forget()
    this.#entries.delete(oldest.id)
    this.#order[this.#first] = undefined // or its bytes live until the list is cut
    this.#first += 1
    if (this.#first < this.limits.exchanges) return
    this.#order = this.#order.slice(this.#first)
    this.#first = 0
  }
}
