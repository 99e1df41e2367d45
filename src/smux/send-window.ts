/** How much the peer lets us send on one stream. Wire values are modulo 2^32 and compared signed, as stream.go writeV2 does; ours are whole. */
import { INITIAL_WINDOW_BYTES, STOCK_REPORT_BYTES } from './frame.ts'

const MODULUS = 0x1_0000_0000

export class SendWindow {
  sent = 0
  /** As the peer last reported. */
  consumed = 0
  #windowBytes = INITIAL_WINDOW_BYTES

  get outstanding(): number {
    return this.sent - this.consumed
  }

  get available(): number {
    return Math.max(0, this.#windowBytes - this.outstanding)
  }

  /**
   * Bytes to the next point at which a stock gost peer reports consumption (last report + k × 524288). Its threshold counts whole frames:
   * one that crosses the point delays the report and halves the updates per round trip.
   */
  get toReportPoint(): number {
    return STOCK_REPORT_BYTES - (this.outstanding % STOCK_REPORT_BYTES)
  }

  /** Applies an UPD; false when the peer claims to have consumed more than was sent. */
  update(consumed: number, windowBytes: number): boolean {
    const inflight = ((this.sent % MODULUS) - consumed) | 0
    if (inflight < 0) return false
    const total = this.sent - inflight
    // A report older than the last one says nothing new.
    if (total < this.consumed) return true
    this.consumed = total
    this.#windowBytes = Math.max(0, windowBytes | 0)
    return true
  }
}
