/**
 * Ends connections to pods that are gone. A deleted pod's network may be taken down before its processes have said goodbye: then no end ever comes, and
 * whoever waits for an answer would wait for good.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import type { Cluster } from '../kube/types.ts'

export interface PodGuard {
  /** Until the connection closes. */
  watch(pod: { namespace: string; pod: string }, connection: Connection): void
}

interface Watched {
  namespace: string
  name: string
  /** As first seen: another pod of the same name knows nothing of these connections. */
  uid: string | undefined
  connections: Set<Connection>
}

const LOOK_MS = 2_000

export function podGuard(cluster: Pick<Cluster, 'get'>, clock: Clock): PodGuard {
  const pods = new Map<string, Watched>()
  let timer: Timer | undefined
  const look = async (key: string, watched: Watched): Promise<void> => {
    const pod = await cluster.get('pods', watched.namespace, watched.name)
    const uid = pod?.metadata?.uid
    watched.uid ??= uid
    if (uid !== undefined && uid === watched.uid) return
    pods.delete(key)
    const gone = Object.assign(new Error(`pod ${watched.name} is gone`), { code: 'ECONNRESET' })
    for (const connection of watched.connections) connection.destroy(gone)
  }
  const lookAll = (): void => {
    for (const [key, watched] of pods) look(key, watched).catch(() => {}) // not allowed, or the API server is away: nothing is known
  }
  return {
    watch({ namespace, pod: name }, connection) {
      const key = `${namespace}/${name}`
      const known = pods.get(key)
      const watched = known ?? { namespace, name, uid: undefined, connections: new Set<Connection>() }
      watched.connections.add(connection)
      if (known === undefined) pods.set(key, watched)
      timer ??= clock.every(LOOK_MS, lookAll, { unref: true })
      connection.once('close', () => {
        watched.connections.delete(connection)
        if (watched.connections.size > 0 || pods.get(key) !== watched) return
        pods.delete(key)
        if (pods.size > 0) return
        timer?.cancel()
        timer = undefined
      })
    }
  }
}
