/**
 * Streams by id: open addressing over one array. Not a `Map`, because V8 links each table that a busy Map has outgrown to the next one: once an
 * old one sits in old space, all that the later ones ever held survives every scavenge, a quarter of all garbage under load.
 */

const LEAST_SLOTS = 64
/** Spreads ids, which count up in steps of two (Knuth's multiplicative hashing). */
const FACTOR = 0x9e37_79b1

export class StreamTable<T extends { readonly id: number }> {
  #slots: (T | undefined)[] = empty(LEAST_SLOTS)
  #size = 0

  get size(): number {
    return this.#size
  }

  get(id: number): T | undefined {
    return this.#slots[this.#find(id)]
  }

  has(id: number): boolean {
    return this.get(id) !== undefined
  }

  add(value: T): void {
    if (this.#size * 2 >= this.#slots.length) this.#resize(this.#slots.length * 2)
    const at = this.#find(value.id)
    if (this.#slots[at] === undefined) this.#size += 1
    this.#slots[at] = value
  }

  /** False when there was none. */
  delete(id: number): boolean {
    const slots = this.#slots
    const mask = slots.length - 1
    let hole = this.#find(id)
    if (slots[hole] === undefined) return false
    this.#size -= 1
    // Whoever was put behind it because of it moves up, so that no marker has to stay.
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const value = slots[at]
      if (value === undefined) break
      if (((at - this.#home(value.id)) & mask) < ((at - hole) & mask)) continue
      slots[hole] = value
      hole = at
    }
    slots[hole] = undefined
    return true
  }

  /** A copy: whoever goes through it may add and delete. */
  values(): T[] {
    return this.#slots.filter(value => value !== undefined)
  }

  #home(id: number): number {
    return (Math.imul(id, FACTOR) >>> 7) & (this.#slots.length - 1)
  }

  /** Its slot, or the one it would get. */
  #find(id: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let at = this.#home(id)
    for (let value = slots[at]; value !== undefined && value.id !== id; value = slots[at]) at = (at + 1) & mask
    return at
  }

  #resize(slots: number): void {
    const values = this.values()
    this.#slots = empty(slots)
    for (const value of values) this.#slots[this.#find(value.id)] = value
  }
}

function empty<T>(slots: number): (T | undefined)[] {
  return Array.from({ length: slots }, () => undefined)
}
