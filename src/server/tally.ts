/** What is counted of each connector and tunnel: plain numbers, so that a request pays a few additions. Who asks makes names and text of them (`metrics.ts`). */

/** Upper bounds of the latency buckets, in ms; one more bucket takes the rest. */
export const LATENCY_BOUNDS_MS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const

export class Latency {
  readonly counts = new Float64Array(LATENCY_BOUNDS_MS.length + 1)
  sumMs = 0

  observe(ms: number): void {
    let at = 0
    while (at < LATENCY_BOUNDS_MS.length && ms > (LATENCY_BOUNDS_MS[at] ?? 0)) at += 1
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.sumMs += ms
  }
}

/** Of one connector, over its life. */
export class Tally {
  readonly connectorId: string
  readonly tunnelId: string
  /** Shared by the connectors of one tunnel. */
  readonly latency: Latency
  /** Answers of the app by the hundreds of their status: 1xx (switched protocols) … 5xx. */
  readonly classes = new Float64Array(6)
  /** Streams opened. */
  streams = 0
  /** Beats of our own connectors that were not answered before the next one was due. */
  missedBeats = 0

  constructor(connectorId: string, tunnelId: string, latency: Latency) {
    this.connectorId = connectorId
    this.tunnelId = tunnelId
    this.latency = latency
  }

  /** `ms`: from the request to the head of the answer. */
  answered(status: number, ms: number): void {
    const at = Math.min(5, Math.floor(status / 100))
    this.classes[at] = (this.classes[at] ?? 0) + 1
    this.latency.observe(ms)
  }
}

/** Gone connectors that nobody has asked for yet; more would be a flood of binds. */
const MOST_GONE = 1_024

export class Tallies {
  readonly #live = new Set<Tally>()
  #gone: Tally[] = []

  open(connectorId: string, tunnelId: string): Tally {
    const beside = [...this.#live, ...this.#gone].find(each => each.tunnelId === tunnelId)
    const tally = new Tally(connectorId, tunnelId, beside?.latency ?? new Latency())
    this.#live.add(tally)
    return tally
  }

  close(tally: Tally): void {
    if (this.#live.delete(tally) && this.#gone.length < MOST_GONE) this.#gone.push(tally)
  }

  /** Those that live, and once more those that ended since the last call. */
  read(): Tally[] {
    const gone = this.#gone
    this.#gone = []
    return [...this.#live, ...gone]
  }
}
