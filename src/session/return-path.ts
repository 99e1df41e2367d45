/**
 * From the laptop back to the app in a pod, over the API server, for requests that are not ours or that the local app cannot take. Bounded:
 * so many at once, so many waiting, so many a second; beyond that the session gives the traffic back (product.md §5). That takes a while, and whoever
 * comes meanwhile is still served: nobody loses a request because others are many.
 */
import { deadline, sleep, type Clock } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import type { Emit } from '../event/types.ts'
import type { Cluster } from '../kube/types.ts'
import { idleConnections } from '../transport/idle-connections.ts'
import type { ReturnTarget } from './return-targets.ts'

export interface ReturnPathOptions {
  cluster: Cluster
  clock: Clock
  emit: Emit
  /** Most requests in a second. */
  perSecond: number
  /** It carries more than it should, or is about to. */
  onLimit: (why: string) => void
  atOnce?: number
  /** Waiting for a place: after so long it is told, and given up after five times as long. */
  waitMs?: number
  connectMs?: number
}

/** A request that found no place at all. */
export class ReturnOverflow extends Error {
  override readonly name = 'ReturnOverflow'
}

/** An open connection to the app in a pod. */
export interface Returned {
  connection: Connection
  target: ReturnTarget
  /** It has answered before, and may close under the next request. */
  reused: boolean
  /** Frees its place. */
  release: () => void
  /** The app keeps it, for another request: false when it is of no use, and left to the caller. */
  keep: () => boolean
}

export interface ReturnPath {
  /** At least one ready pod whose app is reachable exactly. */
  readonly available: boolean
  readonly inUse: number
  setTargets(targets: readonly ReturnTarget[]): void
  /**
   * A connection to the app in a ready pod, the next one when that fails; free its place with `release` when done. `reuse`: one that was kept
   * does. Throws ReturnOverflow when there is no place for too long, else the last pod's error.
   */
  open(signal: AbortSignal, options?: { reuse: boolean }): Promise<Returned>
  close(): void
}

/** Each holds a stream and what a visitor may send unasked. */
const MOST_WAITING = 1_024
/** As long as a stock server lets a visitor wait, less what the answer itself may take. */
const PATIENCE = 5

export function returnPath(options: ReturnPathOptions): ReturnPath {
  const { cluster, clock, emit, perSecond, onLimit, atOnce = 64, waitMs = 2_000, connectMs = 5_000 } = options
  let targets: readonly ReturnTarget[] = []
  let turn = 0
  let inUse = 0
  const queue: (() => void)[] = []
  const idle = idleConnections(clock)
  const kept = new WeakMap<Connection, ReturnTarget>()
  let window = { startedAt: Number.NEGATIVE_INFINITY, count: 0 }

  const countOne = (): void => {
    const now = clock.now()
    if (now - window.startedAt >= 1_000) window = { startedAt: now, count: 0 }
    window.count += 1
    if (window.count === perSecond + 1) onLimit(`more than ${perSecond} requests a second on the return path`)
  }
  const noPlace = async (signal: AbortSignal): Promise<never> => {
    await sleep(clock, waitMs, signal)
    onLimit(`no place on the return path within ${waitMs / 1000} s`)
    await sleep(clock, waitMs * (PATIENCE - 1), signal)
    throw new ReturnOverflow(`no place on the return path within ${(waitMs * PATIENCE) / 1000} s`)
  }
  const enter = async (signal: AbortSignal): Promise<void> => {
    if (inUse < atOnce) {
      inUse += 1
      return
    }
    if (queue.length === atOnce) onLimit(`more than ${atOnce} requests wait for the return path`)
    if (queue.length >= MOST_WAITING) throw new ReturnOverflow(`more than ${MOST_WAITING} requests wait for the return path`)
    const place = Promise.withResolvers<void>()
    queue.push(place.resolve)
    const late = new AbortController()
    const timeout = noPlace(AbortSignal.any([signal, late.signal]))
    try {
      await Promise.race([place.promise, timeout])
    } catch (error) {
      const at = queue.indexOf(place.resolve)
      if (at >= 0) queue.splice(at, 1)
      else leave() // the place came in the same moment: hand it on
      throw error
    } finally {
      late.abort()
      timeout.catch(() => {}) // lost the race
    }
  }
  const leave = (): void => {
    const next = queue.shift()
    if (next === undefined) inUse -= 1
    else next()
  }

  const returned = (connection: Connection, target: ReturnTarget, reused: boolean): Returned => {
    let released = false
    return {
      connection,
      target,
      reused,
      release() {
        if (!released) leave()
        released = true
      },
      keep() {
        // An app that wants a PROXY header gets one visitor on a connection.
        if (target.proxyProtocol !== 0) return false
        kept.set(connection, target)
        return idle.put(connection)
      }
    }
  }
  /** Of a pod that still serves. */
  const takeKept = (): { connection: Connection; target: ReturnTarget } | undefined => {
    for (let connection = idle.take(); connection !== undefined; connection = idle.take()) {
      const was = kept.get(connection)
      const target = targets.find(({ namespace, pod, port }) => namespace === was?.namespace && pod === was.pod && port === was.port)
      if (target !== undefined) return { connection, target }
      connection.destroy()
    }
    return undefined
  }

  return {
    get available() {
      return targets.length > 0
    },
    get inUse() {
      return inUse
    },
    setTargets(next) {
      targets = next
    },
    close: () => idle.close(),
    async open(signal, { reuse } = { reuse: false }) {
      countOne()
      await enter(signal)
      const old = takeKept()
      if (old !== undefined && reuse) return returned(old.connection, old.target, true)
      // An app that serves one connection after the other would wait for the idle one.
      old?.connection.destroy()
      let last: Error = new Error('no ready pod to return to')
      for (let tries = 0; tries < targets.length; tries += 1) {
        turn += 1
        const target = targets[turn % targets.length]
        if (target === undefined) continue
        const started = clock.now()
        const limit = deadline(clock, connectMs, () => new Error(`no connection within ${connectMs / 1000} s`), signal)
        try {
          const connection = await cluster.forwarder(target.namespace, target.pod).dial(target.port, limit.signal)
          return returned(connection, target, false)
        } catch (thrown) {
          last = asError(thrown)
          emit('return.state', { pod: target.pod, ok: false, openMs: Math.round(clock.now() - started), pooled: 0, cause: last.message })
        } finally {
          limit.done()
        }
      }
      leave()
      throw last
    }
  }
}
