/** The copy of a list that a watch keeps: applies events, tells whether anything changed. Pure. */

interface Identified {
  metadata?: { uid?: string; namespace?: string; name?: string; resourceVersion?: string }
}

export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: T & { code?: number; message?: string }
}

export class WatchStore<T extends Identified> {
  #items = new Map<string, T>()
  resourceVersion = ''

  get items(): T[] {
    return [...this.#items.values()]
  }

  /** True when the list differs from the one before. */
  replace(items: readonly T[], resourceVersion: string): boolean {
    const before = this.#items
    this.#items = new Map(items.map(item => [keyOf(item), item]))
    this.resourceVersion = resourceVersion
    return (
      before.size !== this.#items.size ||
      items.some(item => before.get(keyOf(item))?.metadata?.resourceVersion !== item.metadata?.resourceVersion)
    )
  }

  /** True when an item came, changed or went. A bookmark only moves the version on. */
  apply(event: WatchEvent<T>): boolean {
    const version = event.object.metadata?.resourceVersion
    if (version !== undefined) this.resourceVersion = version
    const key = keyOf(event.object)
    if (event.type === 'DELETED') return this.#items.delete(key)
    if (event.type !== 'ADDED' && event.type !== 'MODIFIED') return false
    this.#items.set(key, event.object)
    return true
  }
}

const keyOf = ({ metadata }: Identified): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`
