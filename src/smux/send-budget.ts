/**
 * What we may send to a peer that stops reading the *whole* session once it holds a budget of unread bytes over all streams (stock gost:
 * 4 MiB; five stalled downloads freeze every other visitor). Pure.
 *
 * The peer tells what it consumed only after its first read and then every 512 KiB (a *slot*), so all it has not reported counts as unread:
 * - a stream may hold a sixteenth of what is left for such *crumbs* without further ado, so that small answers pass; all crumbs together get no
 *   more than half of what no slot has taken, or a crowd that never comes to report would leave nothing to finish with;
 * - beyond that it books a whole slot or waits: streams that all hold a part of one would wait for reports that never come;
 * - a second slot (its whole window) goes to a stream that is alone or was read from for long, while nobody starves;
 * - one slot (the *lane*) is kept for a *guard*, a stream seen to make progress, so that stalled neighbours cannot take all of them;
 * - on a stream with nothing left to send (events, WebSockets) what is older than a second is presumed read: no report may ever come;
 * - a stream we ended keeps its charge until the peer ends it too: a stock peer gives nothing back on our FIN (checked on 3.2.6 and the
 *   nightly). So no stalled stream is reset here: it would cut a visitor short and free nobody.
 */
import { STOCK_REPORT_BYTES } from './frame.ts'

export interface SendBudgetOptions {
  budgetBytes: number
  /** How long unreported bytes of a stream with nothing left to send count as unread. */
  presumeReadMs?: number
  /** How long a guard may go without a report. */
  guardMs?: number
}

/** The account of one stream. */
export interface Account {
  /** Sent and not reported as consumed. */
  unreported: number
  /** The part of it that is presumed read. */
  presumed: number
  /** A slot booked, whether used or not. */
  booked: number
  /** What of `unreported` is at least as old as `markedAt`. */
  marked: number
  markedAt: number
  /** All it was ever reported to have read, and when a report of a slot or more came last. */
  read: number
  provenAt: number
  /** Wants to send more than it was permitted. */
  waiting: boolean
  /** Ended by us, not yet by the peer. */
  ended: boolean
  closed: boolean
}

/** 32 KiB for each newcomer while all slots are taken, less the more of them wait; enough for some 70 that never read. */
const ALLOWANCE_PART = 16
const LEAST_ALLOWANCE_BYTES = 1_024
/** Kernels and proxies on the way take a few MiB from us while a visitor reads nothing; past this somebody is reading. */
const SUSTAINED_BYTES = 8_388_608

export class SendBudget {
  readonly #budgetBytes: number
  readonly #slotBytes: number
  readonly #reserveBytes: number
  readonly #presumeReadMs: number
  readonly #guardMs: number
  readonly #accounts = new Set<Account>()
  #charged = 0
  /** The part of it that accounts with a slot hold, or held when they ended; the rest are crumbs. */
  #slotted = 0
  /** Accounts that wait and have no slot. */
  #starving = 0
  #guard: Account | undefined
  #guardSince = -Infinity

  constructor(options: SendBudgetOptions) {
    this.#budgetBytes = options.budgetBytes
    this.#slotBytes = Math.min(STOCK_REPORT_BYTES, Math.floor(options.budgetBytes / 4))
    this.#reserveBytes = Math.floor(options.budgetBytes / 8)
    this.#presumeReadMs = options.presumeReadMs ?? 1_000
    this.#guardMs = options.guardMs ?? 1_000
  }

  /** Bytes that may be unread at the peer, and those booked to become so. */
  get chargedBytes(): number {
    return this.#charged
  }

  open(now: number): Account {
    const numbers = { unreported: 0, presumed: 0, booked: 0, marked: 0, markedAt: now, read: 0, provenAt: -Infinity }
    const account: Account = { ...numbers, waiting: false, ended: false, closed: false }
    this.#accounts.add(account)
    return account
  }

  /** How many more bytes the stream may send now. Less than `wanted` makes it wait: ask again when something was reported or closed. */
  permit(account: Account, wanted: number, now: number): number {
    const held = account.unreported - account.presumed
    let limit = Math.max(account.booked, this.#allowance())
    if (held + wanted > limit) limit = Math.max(limit, this.#extend(account, held + wanted, now))
    const permitted = Math.max(0, Math.min(wanted, limit - held))
    this.#change(account, { waiting: permitted < wanted })
    return permitted
  }

  sent(account: Account, bytes: number): void {
    const unreported = account.unreported + bytes
    // From a slot on a report must come: nothing is presumed any more.
    this.#change(account, unreported >= this.#slotBytes ? { unreported, presumed: 0 } : { unreported })
  }

  /** The peer reported: `unreported` is what is left of it. */
  reported(account: Account, unreported: number, now: number): void {
    const read = account.unreported - unreported
    account.read += read
    account.marked = Math.max(0, account.marked - read)
    if (read >= this.#slotBytes) {
      account.provenAt = now
      if (!this.#guards(now)) this.#setGuard(account, now)
    }
    const rotates = this.#starving > Number(this.#isStarving(account)) && this.#guard !== account
    this.#change(account, { unreported, presumed: Math.max(0, account.presumed - read), booked: rotates ? 0 : account.booked })
  }

  /** We are done with the stream: from now on only the peer's end gives its bytes back. */
  ended(account: Account): void {
    if (account.unreported === 0) this.close(account)
    else this.#change(account, { ended: true, waiting: false, booked: 0, presumed: 0 })
  }

  /** The peer ended the stream (or it never existed for it). */
  close(account: Account): void {
    this.#change(account, { waiting: false, unreported: 0, presumed: 0, booked: 0 })
    account.closed = true
    this.#accounts.delete(account)
    if (this.#guard === account) this.#guard = undefined
  }

  /** Presumes old bytes read, where nothing else will tell. Call it about twice a second; true when that gave room. */
  tick(now: number): boolean {
    const before = this.#charged
    for (const account of this.#accounts) {
      if (now - account.markedAt < this.#presumeReadMs) continue
      if (!account.waiting && !account.ended && account.unreported < this.#slotBytes) {
        this.#change(account, { presumed: Math.max(account.presumed, account.marked), booked: 0 })
      }
      account.marked = account.unreported
      account.markedAt = now
    }
    return this.#charged < before
  }

  /** Strictly below the budget: a peer that has exactly nothing left stops. */
  get #free(): number {
    return this.#budgetBytes - 1 - this.#charged
  }

  /** The total the stream may hold once it has booked what there is for it; 0 when that is nothing. */
  #extend(account: Account, total: number, now: number): number {
    const own = this.#charge(account)
    const shared = this.#budgetBytes - this.#reserveBytes - this.#charged - this.#laneNeed(now)
    if (own < this.#slotBytes) {
      const need = this.#slotBytes - own
      if (shared < need && !this.#takesLane(account, now)) return 0
      this.#change(account, { booked: this.#slotBytes })
      return this.#slotBytes
    }
    const trusted = account.read >= SUSTAINED_BYTES || this.#charged - own <= this.#slotBytes
    if (this.#starving > 0 || !trusted) return this.#slotBytes
    return Math.max(this.#slotBytes, Math.min(total, own + shared))
  }

  /** The lane goes to the guard, or to whoever needs it when there is none; never when it is used up. */
  #takesLane(account: Account, now: number): boolean {
    if (this.#free < this.#slotBytes - this.#charge(account)) return false
    if (!this.#guards(now)) this.#setGuard(account, now)
    return this.#guard === account
  }

  #allowance(): number {
    const unslotted = this.#budgetBytes - 1 - this.#slotted
    const crumbs = this.#charged - this.#slotted
    const limit = Math.max(this.#reserveBytes, Math.floor((unslotted - this.#slotBytes) / 2))
    const room = Math.max(0, Math.min(limit - crumbs, this.#free))
    return Math.max(Math.floor(room / ALLOWANCE_PART), Math.min(LEAST_ALLOWANCE_BYTES, room))
  }

  /** What the guard lacks of its slot; nothing when even that is gone. */
  #laneNeed(now: number): number {
    const held = this.#guard !== undefined && this.#guards(now) ? this.#charge(this.#guard) : 0
    const need = Math.max(0, this.#slotBytes - held)
    return need > this.#free ? 0 : need
  }

  /** Whether there is a guard that still does what it is there for. */
  #guards(now: number): boolean {
    const guard = this.#guard
    return guard !== undefined && !guard.ended && now - Math.max(guard.provenAt, this.#guardSince) <= this.#guardMs
  }

  #setGuard(account: Account, now: number): void {
    this.#guard = account
    this.#guardSince = now
  }

  #charge(account: Account): number {
    return Math.max(account.booked, account.unreported - account.presumed)
  }

  /** What it holds beside the crumbs. */
  #slotCharge(account: Account): number {
    return account.booked >= this.#slotBytes || account.ended ? this.#charge(account) : 0
  }

  #isStarving(account: Account): boolean {
    return account.waiting && this.#charge(account) < this.#slotBytes
  }

  /** Every change of an account goes through here, so that the sums hold. */
  #change(account: Account, change: Partial<Account>): void {
    if (account.closed) return
    this.#charged -= this.#charge(account)
    this.#slotted -= this.#slotCharge(account)
    this.#starving -= Number(this.#isStarving(account))
    Object.assign(account, change)
    this.#charged += this.#charge(account)
    this.#slotted += this.#slotCharge(account)
    this.#starving += Number(this.#isStarving(account))
  }
}
