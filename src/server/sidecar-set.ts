/**
 * A sidecar that is registered with every replica of the server: one connector for each address of the server's name, which is resolved again and
 * again (a headless Service names all pods). A new address is registered with at once. One that is gone keeps its connector for as long as that is
 * bound, since the pod may still get visitors; it is let go of when it is lost. Behind an ordinary Service there is one address for all: when the
 * server there says that it leaves, a new connector is bound beside the old one.
 */
import { type Clock, sleep, systemClock } from '../base/clock.ts'
import { closeOnce, deferred } from '../base/closable.ts'
import type { Dial } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import { type Logger, silent } from '../base/log.ts'
import type { ConnectorChange } from '../tunnel/connector.ts'
import { type Sidecar, type SidecarOptions, startSidecar } from './sidecar.ts'

export interface SidecarSetOptions extends Omit<SidecarOptions, 'dial'> {
  /** Every address of the server. Rejects when the name is not known (yet). */
  addresses: () => Promise<readonly string[]>
  dialTo: (address: string) => Dial
  /** Between two looks at the addresses. */
  lookMs?: number
}

const LOOK_MS = 2_000

export const startSidecarSet = (options: SidecarSetOptions): Sidecar => new SidecarSet(options)

class SidecarSet implements Sidecar {
  readonly ready: Promise<void>
  readonly close: () => Promise<void>
  readonly #options: SidecarSetOptions
  readonly #clock: Clock
  readonly #log: Logger
  readonly #current = new Map<string, Sidecar>()
  /** Bound to servers that are going away. */
  readonly #leaving = new Set<Sidecar>()
  readonly #ready = deferred<void>()
  readonly #closed = new AbortController()
  /** Ends the wait before the next look. */
  #look = new AbortController()
  #streamsOfGone = 0

  constructor(options: SidecarSetOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#log = (options.log ?? silent).child('sidecar')
    this.ready = this.#ready.promise
    this.ready.catch(() => {}) // whoever awaits it still sees that it was closed
    this.close = closeOnce(async () => {
      this.#closed.abort(new Error('the sidecar was closed'))
      this.#ready.reject(this.#closed.signal.reason)
      await Promise.all(this.#all.map(sidecar => sidecar.close()))
    })
    void this.#follow()
  }

  get #all(): Sidecar[] {
    return [...this.#current.values(), ...this.#leaving]
  }

  get bound(): number {
    return this.#all.reduce((sum, { bound }) => sum + bound, 0)
  }

  get streams(): number {
    return this.#all.reduce((sum, { streams }) => sum + streams, this.#streamsOfGone)
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#closed.abort(new Error('the sidecar was stopped'))
    await Promise.all(this.#all.map(sidecar => sidecar.stop(signal)))
    await this.close()
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closed
    while (!signal.aborted) {
      const found = await this.#options.addresses().catch((error: unknown) => {
        this.#log.warn('the name of the tunnel server has no address', { error: asError(error) })
        return undefined
      })
      if (found !== undefined && !signal.aborted) this.#apply(found)
      for (const sidecar of this.#leaving) if (sidecar.bound === 0) this.#forget(sidecar)
      this.#look = new AbortController()
      await sleep(this.#clock, this.#options.lookMs ?? LOOK_MS, AbortSignal.any([signal, this.#look.signal])).catch(() => {}) // looks again
    }
  }

  #apply(addresses: readonly string[]): void {
    for (const address of addresses) if (!this.#current.has(address)) this.#start(address)
    for (const [address, sidecar] of this.#current) {
      if (addresses.includes(address)) continue
      this.#current.delete(address)
      this.#leaving.add(sidecar)
      this.#log.info('a tunnel server is gone from its name', { address })
    }
  }

  #start(address: string): void {
    const { addresses: _, dialTo, lookMs: __, ...options } = this.#options
    const onLeaving = (): void => {
      this.#log.info('a tunnel server leaves', { address })
      if (this.#current.size === 1 && this.#current.get(address) === sidecar && !this.#closed.signal.aborted) {
        this.#leaving.add(sidecar)
        this.#start(address)
      }
      this.#look.abort()
    }
    const onChange = ({ to }: ConnectorChange): void => {
      if (to !== 'lost') return
      if (this.#leaving.has(sidecar)) this.#forget(sidecar)
      this.#look.abort()
    }
    const sidecar = startSidecar({ ...options, dial: dialTo(address), connector: { ...options.connector, onLeaving, onChange } })
    this.#current.set(address, sidecar)
    sidecar.ready.then(
      () => {
        this.#log.info('registered', { address, weight: options.weight })
        this.#ready.resolve()
      },
      () => {} // closed before
    )
  }

  #forget(sidecar: Sidecar): void {
    this.#leaving.delete(sidecar)
    this.#streamsOfGone += sidecar.streams
    void sidecar.close()
  }
}
