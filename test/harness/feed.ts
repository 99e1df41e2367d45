/** Feeds a decoder the same bytes in every way that a network may cut them. */

export interface Feed {
  name: string
  chunks: Buffer[]
}

/** A small seeded generator (mulberry32), so that a failing cut can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The bytes whole, byte by byte (up to 64 KiB), and at `count` seeded random cuts. */
export function everyWay(bytes: Buffer, count = 50): Feed[] {
  const feeds: Feed[] = [{ name: 'whole', chunks: [bytes] }]
  if (bytes.length <= 65_536) feeds.push({ name: 'byte by byte', chunks: [...bytes].map(byte => Buffer.from([byte])) })
  for (let seed = 1; seed <= count; seed += 1) {
    const random = seeded(seed)
    const chunks: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + Math.floor(random() ** 3 * Math.max(1, bytes.length / 2)))
      chunks.push(Buffer.from(bytes.subarray(at, end)))
      at = end
    }
    feeds.push({ name: `cut with seed ${seed}`, chunks })
  }
  return feeds
}

/** Runs `check` for every feed; a failure names the cut. */
export function feedEveryWay(bytes: Buffer, check: (chunks: Buffer[]) => void, count = 50): void {
  for (const feed of everyWay(bytes, count)) {
    try {
      check(feed.chunks)
    } catch (error) {
      throw new Error(`fed ${feed.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }
}
