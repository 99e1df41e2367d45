/** The connectors of one target: one per replica of the server, kept in step with the routes. New before old. */
import type { Clock } from '../base/clock.ts'
import { closeOnce, type Closable } from '../base/closable.ts'
import { maskUuids, type Logger } from '../base/log.ts'
import type { Emit } from '../event/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import type { ReplicaRoute } from '../route/types.ts'
import type { Hello } from '../tunnel/control-channel.ts'
import { startConnector, type Connector, type ConnectorChange, type Retire } from '../tunnel/connector.ts'
import type { TunnelStream } from '../tunnel/stream.ts'

export interface ReplicaSetOptions {
  plan: TunnelPlan
  weight: number
  /** Told to servers of ours. */
  hello: Hello
  clock: Clock
  log: Logger
  emit: Emit
  onStream: (stream: TunnelStream, connector: string) => void
  /** A connector was bound or lost. */
  onChange: (replica: Replica, change: ConnectorChange) => void
  /** The same way leads to another pod now, or there are other ways to visit it: what a proof under way asks is gone. */
  onReroute: (replica: Replica) => void
}

export interface Replica {
  route: ReplicaRoute
  connector: Connector
  /** Set by the proofs; cleared when the connector binds anew. */
  verified: boolean
  /** Ends the proofs under way. */
  proving: AbortController
}

export interface ReplicaSet extends Closable {
  readonly all: readonly Replica[]
  readonly bound: number
  readonly active: number
  /** Starts connectors for new replicas, then lets go of the ones that are gone: a pod that ends takes its connector along. */
  apply(routes: readonly ReplicaRoute[], signal: AbortSignal): Promise<void>
  /** One that nothing depends on: leaves the set, and is let go of without haste. Resolves once it is gone. */
  release(key: string, part: (retire: Retire) => Promise<void>): Promise<void>
  setWeight(weight: number, signal: AbortSignal): Promise<void>
  /** Binds all at this weight, and gives the end of what was bound before to the caller. Throws when one cannot: all keep their weight. */
  rebind(weight: number, signal: AbortSignal): Promise<Retire>
  /** For servers of ours: only what matches, '' is all. Throws TAKEN: all keep what they have. */
  refilter(filter: string, signal: AbortSignal): Promise<void>
  withdraw(signal: AbortSignal): Promise<void>
  resume(): void
  /** Whether the app takes connections, told to servers of ours. */
  health(up: boolean): void
}

const placeOf = ({ replica, visitor }: ReplicaRoute): string => [replica, ...visitor.map(way => way.describe)].join()

export function replicaSet(options: ReplicaSetOptions): ReplicaSet {
  const { plan, emit } = options
  const replicas = new Map<string, Replica>()
  /** Connectors to server pods that are going away (visitors may still be sent there until the pod is gone), and released ones. */
  const leaving = new Set<Replica>()
  let { weight, hello } = options
  let healthy = true

  const start = (route: ReplicaRoute): Replica => {
    const connector = startConnector({
      dial: route.dialTunnel,
      bind: { tunnelId: plan.tunnelId, weight, auth: plan.server.auth },
      hello,
      clock: options.clock,
      log: options.log.child(route.replica),
      ...(plan.server.maxReceiveBuffer === undefined ? {} : { smux: { peerBudgetBytes: plan.server.maxReceiveBuffer } }),
      // Their dials lead anywhere, so they would stand in for no ghost and look like a connector that is everywhere.
      ...(route.several ? { ghostLinks: 1 } : {}),
      onStream: stream => options.onStream(stream, route.key),
      onChange: change => {
        const { error: _, cause, ...rest } = change
        emit(
          'connector.state',
          { replica: replica.route.replica, ...rest, cause: maskUuids(cause) },
          { target: plan.name, connector: route.key }
        )
        if (change.to === 'bound' || change.to === 'lost') replica.verified = false
        if (change.to === 'lost' && leaving.delete(replica)) void connector.close()
        options.onChange(replica, change)
      }
    })
    connector.health(healthy)
    const replica: Replica = { route, connector, verified: false, proving: new AbortController() }
    replicas.set(route.key, replica)
    return replica
  }

  /** These would go on at the old weight on a server that stays. */
  const released = (): Replica[] => [...leaving].filter(({ route }) => route.kind !== 'port-forward')

  const rebindAll = async (next: number, signal: AbortSignal): Promise<{ retire: Retire; failed: unknown }> => {
    weight = next
    const all = [...replicas.values()]
    const results = await Promise.allSettled(all.map(({ connector }) => connector.rebind(next, signal)))
    const retires = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    const retire: Retire = async until =>
      void (await Promise.all([...retires.map(each => each(until)), ...released().map(({ connector }) => connector.withdraw(until))]))
    return { retire, failed: results.find(result => result.status === 'rejected')?.reason }
  }
  const rebind = async (next: number, signal: AbortSignal): Promise<Retire> => {
    const before = weight
    const { retire, failed } = await rebindAll(next, signal)
    if (failed === undefined) return retire
    const back = await rebindAll(before, signal)
    await Promise.all([retire(signal), back.retire(signal)])
    throw failed
  }

  const refilter = async (filter: string, signal: AbortSignal): Promise<void> => {
    const before = hello
    const { filter: _, ...rest } = before
    hello = filter === '' ? rest : { ...rest, filter }
    const all = [...replicas.values()]
    const results = await Promise.allSettled(all.map(({ connector }) => connector.refilter(filter, signal)))
    const failed = results.find(result => result.status === 'rejected')
    if (failed === undefined) return
    hello = before
    await Promise.allSettled(all.map(({ connector }) => connector.refilter(before.filter ?? '', signal)))
    throw failed.reason
  }

  return {
    get all() {
      return [...replicas.values()]
    },
    get bound() {
      return [...replicas.values()].filter(({ connector }) => connector.phase === 'bound').length
    },
    get active() {
      return [...replicas.values(), ...leaving].reduce((sum, { connector }) => sum + connector.active, 0)
    },
    async apply(routes, signal) {
      const wanted = new Set(routes.map(route => route.key))
      const staying = new Set(routes.map(route => route.replica))
      for (const route of routes) {
        const known = replicas.get(route.key)
        if (known === undefined) continue
        const same = placeOf(known.route) === placeOf(route)
        known.route = route
        if (!same) options.onReroute(known)
      }
      const fresh = routes.filter(route => !replicas.has(route.key)).map(start)
      await Promise.allSettled(fresh.map(({ connector }) => connector.ready))
      const gone = [...replicas.values()].filter(({ route }) => !wanted.has(route.key))
      await Promise.all(
        gone.map(async replica => {
          const { route, connector } = replica
          replicas.delete(route.key)
          if (!staying.has(route.replica) && connector.phase === 'bound') {
            leaving.add(replica)
            return
          }
          await connector.withdraw(signal)
          await connector.close()
        })
      )
      const failed = fresh.find(({ connector }) => connector.phase !== 'bound')
      if (failed !== undefined && fresh.length === routes.length) await failed.connector.ready
    },
    async release(key, part) {
      const replica = replicas.get(key)
      if (replica === undefined) return
      replicas.delete(key)
      replica.proving.abort()
      leaving.add(replica)
      await part(until => replica.connector.withdraw(until)).catch(() => {}) // the session ends, and closes it
      leaving.delete(replica)
      await replica.connector.close()
    },
    async setWeight(next, signal) {
      const retire = await rebind(next, signal)
      await retire(signal)
    },
    rebind,
    refilter,
    async withdraw(signal) {
      await Promise.all([...replicas.values(), ...leaving].map(({ connector }) => connector.withdraw(signal)))
    },
    resume() {
      for (const { connector } of replicas.values()) connector.resume()
    },
    health(up) {
      healthy = up
      for (const { connector } of replicas.values()) connector.health(up)
    },
    close: closeOnce(async () => {
      await Promise.all([...replicas.values(), ...leaving].map(({ connector }) => connector.close()))
    })
  }
}
