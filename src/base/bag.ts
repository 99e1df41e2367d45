/**
 * Things that run now, in no order: for what comes and goes with every visitor. Not a `Set`, for the reason of smux/stream-table.ts: V8 chains the
 * tables a busy Set has outgrown, and with them all that they held.
 */

/** What can be in one bag at a time: it knows its place there, -1 outside. */
export interface Bagged {
  place: number
}

export class Bag<T extends Bagged> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  add(item: T): void {
    item.place = this.#items.length
    this.#items.push(item)
  }

  /** Nothing happens when it is not there. */
  delete(item: T): void {
    const { place } = item
    if (this.#items[place] !== item) return
    item.place = -1
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    last.place = place
    this.#items[place] = last
  }

  /** A copy: whoever goes through it may add and delete. */
  values(): T[] {
    return [...this.#items]
  }
}
