/** A plan's pods as they come and go: sidecars with their weights, and server pods. Watches only; a ConfigMap is read again only for a pod not seen before. */
import { type Closable, closeOnce } from '../base/closable.ts'
import { asError } from '../base/errors.ts'
import type { Cluster } from '../kube/types.ts'
import { groupKey, sidecarPod } from './groups.ts'
import { serverPod } from './server-pods.ts'
import { inventory, isForbidden } from './inventory.ts'
import { isOver, nameOf, namespaceOf, type Pod } from './objects.ts'
import { factReader, type PodFacts } from './pod-facts.ts'
import type { ServerPod, SidecarPod, TunnelPlan } from './types.ts'
import { isWorkloadKind, WORKLOAD_KINDS } from './workloads.ts'

export interface Followed {
  sidecars: SidecarPod[]
  serverPods: ServerPod[]
  /** The workload itself is gone, not merely without pods. */
  deleted: boolean
}

export interface Following extends Closable {
  /** The first lists are in. Rejects when they are forbidden. */
  readonly ready: Promise<void>
}

export type FollowableCluster = Pick<Cluster, 'list' | 'get' | 'watch' | 'namespace'>

/** Calls back with the whole state whenever it changed, first when the lists are in. Nothing is called after `close()`. */
export function followPlan(cluster: FollowableCluster, plan: TunnelPlan, onChange: (now: Followed) => void): Following {
  const follower = new Follower(cluster, plan, onChange)
  return { ready: follower.ready, close: follower.close }
}

interface Source {
  namespace: string
  labelSelector: string | undefined
  /** Single pods are watched by name. */
  fieldSelector: string | undefined
  role: 'sidecar' | 'server'
  pods: Pod[] | undefined
}

class Follower {
  readonly ready: Promise<void>
  readonly close: () => Promise<void>
  readonly #cluster: FollowableCluster
  readonly #plan: TunnelPlan
  readonly #onChange: (now: Followed) => void
  readonly #sources: Source[]
  /** Facts by pod uid: a pod's arguments never change during its life. */
  readonly #facts = new Map<string, PodFacts>()
  readonly #stop = new AbortController()
  #last = ''
  #running: Promise<void> | undefined
  #again = false

  constructor(cluster: FollowableCluster, plan: TunnelPlan, onChange: (now: Followed) => void) {
    this.#cluster = cluster
    this.#plan = plan
    this.#onChange = onChange
    this.#sources = sourcesOf(plan)
    const watches = this.#sources.map(source =>
      cluster.watch(
        'pods',
        {
          namespace: source.namespace,
          labelSelector: source.labelSelector,
          fieldSelector: source.fieldSelector,
          signal: this.#stop.signal
        },
        pods => {
          source.pods = pods.filter(pod => !isOver(pod))
          void this.#refresh()
        }
      )
    )
    this.close = closeOnce(async () => {
      this.#stop.abort()
      await Promise.all(watches.map(watch => watch.close()))
      await this.#running
    })
    this.ready = Promise.all(watches.map(watch => watch.ready)).then(() => this.#refresh())
    this.ready.catch(() => {}) // whoever awaits it still sees the refusal
  }

  /** One reading at a time; changes that come meanwhile are read once more after it. */
  async #refresh(): Promise<void> {
    if (this.#running !== undefined) {
      this.#again = true
      return this.#running
    }
    if (this.#sources.some(source => source.pods === undefined) || this.#stop.signal.aborted) return
    this.#running = this.#readAll().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #readAll(): Promise<void> {
    do {
      this.#again = false
      try {
        const now = await this.#read()
        const text = JSON.stringify(now)
        if (!this.#stop.signal.aborted && text !== this.#last) {
          this.#last = text
          this.#onChange(now)
        }
      } catch {
        return // a read failed: the watch brings its list again when the cluster is back, until then the last state stands
      }
    } while (this.#again && !this.#stop.signal.aborted)
  }

  async #read(): Promise<Followed> {
    const ofRole = (role: Source['role']): Pod[] => {
      const pods = this.#sources.filter(source => source.role === role).flatMap(source => source.pods ?? [])
      return [...new Map(pods.map(pod => [`${namespaceOf(pod)}/${nameOf(pod)}`, pod])).values()]
    }
    const [sidecarPods, serverPods] = [ofRole('sidecar'), ofRole('server')]
    await this.#learn([...sidecarPods, ...serverPods])
    const follows = (role: Source['role']): boolean => this.#sources.some(source => source.role === role)
    return {
      sidecars: follows('sidecar') ? sidecarPods.flatMap(pod => this.#sidecarsOf(pod)) : this.#plan.sidecars,
      serverPods: follows('server') ? serverPods.map(pod => this.#serverOf(pod)) : this.#plan.server.pods,
      deleted: follows('sidecar') && sidecarPods.length === 0 && (await this.#isDeleted())
    }
  }

  async #learn(pods: readonly Pod[]): Promise<void> {
    const known = new Set(pods.map(uidOf))
    for (const uid of this.#facts.keys()) if (!known.has(uid)) this.#facts.delete(uid)
    const unknown = pods.filter(pod => !this.#facts.has(uidOf(pod)))
    if (unknown.length === 0) return
    const reader = factReader(inventory(this.#cluster, { everywhere: false, signal: this.#stop.signal }), () => [])
    for (const facts of await reader.read(unknown)) this.#facts.set(uidOf(facts.pod), facts)
  }

  #sidecarsOf(pod: Pod): SidecarPod[] {
    const { tunnelId, protocol } = this.#plan
    const network = protocol === 'udp' ? 'udp' : 'tcp'
    const facts = this.#facts.get(uidOf(pod))?.sidecars ?? []
    return facts.filter(fact => groupKey(pod, fact) === `${namespaceOf(pod)} ${tunnelId} ${network}`).map(fact => sidecarPod({ pod, fact }))
  }

  #serverOf(pod: Pod): ServerPod {
    const [first] = this.#plan.server.pods
    const servers = this.#facts.get(uidOf(pod))?.servers ?? []
    const fact = servers.find(server => server.port === first?.tunnelPort) ?? servers[0]
    return serverPod(pod, fact?.port ?? first?.tunnelPort ?? this.#plan.server.servicePort, fact)
  }

  async #isDeleted(): Promise<boolean> {
    const [kind = '', name = ''] = this.#plan.workload.split('/')
    if (kind === 'pod') return true
    if (!isWorkloadKind(kind)) return false
    try {
      return (await this.#cluster.get(WORKLOAD_KINDS[kind], this.#plan.namespace, name, this.#stop.signal)) === undefined
    } catch (thrown) {
      if (!isForbidden(thrown)) throw asError(thrown)
      return false
    }
  }
}

const uidOf = (pod: Pod): string => pod.metadata?.uid ?? `${namespaceOf(pod)}/${nameOf(pod)}`

function sourcesOf(plan: TunnelPlan): Source[] {
  const own = { workload: plan.workload, podSelector: plan.podSelector }
  const sidecars = plan.sidecars.length === 0 && plan.podSelector === undefined ? [] : [own, ...(plan.alsoServedBy ?? [])]
  const sources: Source[] = sidecars.map(({ workload, podSelector }) => ({
    namespace: plan.namespace,
    labelSelector: podSelector,
    fieldSelector: podSelector === undefined && workload.startsWith('pod/') ? `metadata.name=${workload.slice(4)}` : undefined,
    role: 'sidecar',
    pods: undefined
  }))
  const { server } = plan
  if (server.podSelector !== undefined) {
    sources.push({
      namespace: server.namespace,
      labelSelector: server.podSelector,
      fieldSelector: undefined,
      role: 'server',
      pods: undefined
    })
  }
  return sources
}
