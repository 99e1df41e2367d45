/**
 * The connectors through one shared address, each on some replica, with what the replica of each calls itself: a server of ours in its welcome, a stock
 * one in the requests that come over it.
 */
import type { ReplicaRoute } from '../route/types.ts'
import type { Connector, Retire } from '../tunnel/connector.ts'
import type { Slot } from './cover-policy.ts'
import type { ReplicaSet } from './replica-set.ts'

export class CoverSlots {
  readonly #replicas: Pick<ReplicaSet, 'all' | 'apply' | 'release'>
  #routes: readonly ReplicaRoute[]
  #made = 1
  /** By connector: what the probe said that came back over it, if it said anything. */
  readonly #seen = new Map<string, string | undefined>()

  /** The first one is dialled already. */
  constructor(replicas: Pick<ReplicaSet, 'all' | 'apply' | 'release'>, first: ReplicaRoute) {
    this.#replicas = replicas
    this.#routes = [first]
  }

  get count(): number {
    return this.#routes.length
  }

  /** The oldest first. */
  get all(): Slot[] {
    return this.#routes.map(({ key }) => ({ key, bound: this.#isBound(key), node: this.#nodeOf(key), seen: this.#seen.has(key) }))
  }

  has(key: string): boolean {
    return this.#routes.some(route => route.key === key)
  }

  /** A probe came back over it. False: and nobody says from which replica. */
  saw(key: string, node: string | undefined): boolean {
    if (!this.has(key)) return true
    if (node === undefined && this.#nodeOf(key) === undefined) return false
    this.#seen.set(key, node)
    return true
  }

  /** It may be on another replica now. */
  forget(key: string): void {
    this.#seen.delete(key)
  }

  forgetAll(): void {
    this.#seen.clear()
  }

  /** The address is reached in another way: for all that are dialled from now on. */
  reroute(route: ReplicaRoute): void {
    this.#routes = this.#routes.map(({ key }) => ({ ...route, key }))
  }

  /** More of them. Those that are not bound at once are none. */
  async dial(count: number, route: ReplicaRoute, signal: AbortSignal): Promise<void> {
    const fresh = Array.from({ length: count }, () => ({ ...route, key: `${route.key}#${(this.#made += 1)}` }))
    this.#routes = [...this.#routes, ...fresh]
    await this.#replicas.apply(this.#routes, signal)
    const failed = new Set(fresh.filter(({ key }) => !this.#isBound(key)).map(({ key }) => key))
    if (failed.size === 0) return
    this.#routes = this.#routes.filter(({ key }) => !failed.has(key))
    await this.#replicas.apply(this.#routes, signal)
  }

  /** Lets go of these, without haste. */
  release(keys: readonly string[], part: (retire: Retire) => Promise<void>): void {
    this.#routes = this.#routes.filter(route => !keys.includes(route.key))
    for (const key of keys) {
      this.#seen.delete(key)
      void this.#replicas.release(key, part)
    }
  }

  #nodeOf(key: string): string | undefined {
    return this.#connector(key)?.server ?? this.#seen.get(key)
  }

  #isBound(key: string): boolean {
    return this.#connector(key)?.phase === 'bound'
  }

  #connector(key: string): Connector | undefined {
    return this.#replicas.all.find(({ route }) => route.key === key)?.connector
  }
}
