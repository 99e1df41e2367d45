/** Ties the send budget to a session's streams: who waits for it, who is woken, and whose charge outlives its stream. */
import type { Clock, Timer } from '../base/clock.ts'
import { type Account, SendBudget } from './send-budget.ts'
import type { Sender } from './writer.ts'

const TICK_MS = 500
/** Streams ended by us that a hostile peer never ends must not pile up. */
const MAX_ENDED = 65_536

export class PeerBudget {
  readonly #budget: SendBudget
  readonly #clock: Clock
  readonly #timer: Timer
  readonly #wake: (sender: Sender) => void
  readonly #waiting = new Set<Sender>()
  /** Ended by us and gone from the session, not yet ended by the peer. */
  readonly #ended = new Map<number, Account>()

  constructor(options: { budgetBytes: number; clock: Clock; wake: (sender: Sender) => void }) {
    this.#budget = new SendBudget({ budgetBytes: options.budgetBytes })
    this.#clock = options.clock
    this.#wake = options.wake
    this.#timer = options.clock.every(TICK_MS, () => this.#tick(), { unref: true })
  }

  get waiting(): number {
    return this.#waiting.size
  }

  open(): Account {
    return this.#budget.open(this.#clock.now())
  }

  permit(sender: Sender, wanted: number): number {
    if (sender.account === undefined) return wanted
    const permitted = this.#budget.permit(sender.account, wanted, this.#clock.now())
    if (permitted < wanted) this.#waiting.add(sender)
    else if (this.#waiting.size > 0) this.#waiting.delete(sender)
    return permitted
  }

  sent(sender: Sender, bytes: number): void {
    if (sender.account !== undefined) this.#budget.sent(sender.account, bytes)
  }

  reported(sender: Sender): void {
    if (sender.account === undefined) return
    this.#budget.reported(sender.account, sender.window.outstanding, this.#clock.now())
    this.#wakeAll(sender)
  }

  fin(sender: Sender): void {
    if (sender.account !== undefined) this.#budget.ended(sender.account)
  }

  /** The session forgets the stream; what the peer has not read stays charged until its FIN. */
  gone(sender: Sender, peerEnded: boolean): void {
    const { account } = sender
    this.#waiting.delete(sender)
    if (account === undefined || account.closed) return
    if (peerEnded || sender.window.sent === 0) this.#budget.close(account)
    else this.#budget.ended(account)
    if (!account.closed && this.#ended.size < MAX_ENDED) this.#ended.set(sender.id, account)
    this.#wakeAll()
  }

  peerEnded(id: number, sender: Sender | undefined): void {
    const account = sender?.account ?? this.#ended.get(id)
    this.#ended.delete(id)
    if (account === undefined) return
    this.#budget.close(account)
    this.#wakeAll()
  }

  stop(): void {
    this.#timer.cancel()
    this.#waiting.clear()
    this.#ended.clear()
  }

  #tick(): void {
    if (this.#budget.tick(this.#clock.now()) || this.#waiting.size > 0) this.#wakeAll()
  }

  /** Whoever just reported goes first: it keeps its slot going. */
  #wakeAll(first?: Sender): void {
    if (this.#waiting.size === 0) return
    if (first !== undefined) this.#wake(first)
    for (const sender of this.#waiting) this.#wake(sender)
  }
}
