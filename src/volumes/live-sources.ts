/** The objects behind a container's volumes: read once, in parallel, then followed. What the kubelet would go on using when an object vanishes, this does too. */
import { type Closable, closeOnce } from '../base/closable.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Cluster, ObjectsByKind } from '../kube/types.ts'
import type { Container, Pod } from '../resolve/objects.ts'
import type { Allocatable } from '../resolve/resource-field.ts'
import { isUnread, readOrWhy } from '../resolve/unread.ts'
import { followAll, followObject } from './follow.ts'
import { requestTokens, type Tokens } from './token.ts'
import type { ObjectBytes, ObjectRead, VolumeSources } from './types.ts'
import { type VolumeReferences, volumeReferences } from './volume-references.ts'

export type VolumeCluster = Pick<Cluster, 'get' | 'watch' | 'canI' | 'requestToken'>

export interface MountTarget {
  pod: Pod
  container: Container
  /** False: the template of a workload without pods. */
  exists: boolean
}

export interface SourcesContext {
  cluster: VolumeCluster
  target: MountTarget
  clock: Clock
  log: Logger
  signal: AbortSignal
}

export interface LiveSources extends Closable, VolumeSources {
  /** As it is now. */
  readonly pod: Pod
  follow(listener: { changed: () => void; say: (line: string) => void }): void
}

export async function readLiveSources(context: SourcesContext): Promise<LiveSources> {
  const { cluster, target, signal } = context
  const { pod, container } = target
  const namespace = pod.metadata?.namespace ?? ''
  const wanted = volumeReferences(pod, container)
  const read = async (kind: 'configmaps' | 'secrets', names: Iterable<string>): Promise<Map<string, ObjectRead>> =>
    new Map(await Promise.all([...names].map(async name => [name, await readObject(cluster, { kind, namespace, name, signal })] as const)))
  const [configMaps, secrets, tokens, allocatable] = await Promise.all([
    read('configmaps', wanted.configMaps.keys()),
    read('secrets', wanted.secrets.keys()),
    requestTokens({ ...context, pod, exists: target.exists }, wanted.tokens, signal),
    wanted.node ? readAllocatable(cluster, pod, signal) : ({ problem: 'was not read' } satisfies Allocatable)
  ])
  return new Sources(context, { wanted, configMaps, secrets, tokens, allocatable })
}

interface Found {
  wanted: VolumeReferences
  configMaps: Map<string, ObjectRead>
  secrets: Map<string, ObjectRead>
  tokens: Tokens
  allocatable: Allocatable
}

class Sources implements LiveSources {
  pod: Pod
  readonly close: () => Promise<void>
  readonly #context: SourcesContext
  readonly #found: Found
  #following: Closable | undefined

  constructor(context: SourcesContext, found: Found) {
    this.#context = context
    this.#found = found
    this.pod = context.target.pod
    this.close = closeOnce(async () => {
      await Promise.all([this.#following?.close(), found.tokens.close()])
    })
  }

  readonly configMap = (name: string): ObjectRead => this.#found.configMaps.get(name) ?? NOT_READ
  readonly secret = (name: string): ObjectRead => this.#found.secrets.get(name) ?? NOT_READ
  readonly token: VolumeSources['token'] = wanted => this.#found.tokens.read(wanted)
  get allocatable(): Allocatable {
    return this.#found.allocatable
  }

  follow(listener: Parameters<LiveSources['follow']>[0]): void {
    const { target, ...rest } = this.#context
    const { wanted, configMaps, secrets, tokens } = this.#found
    const { namespace = '', name = '' } = target.pod.metadata ?? {}
    const following = { ...rest, namespace }
    // What may not be read now is not asked for again.
    const readable = (map: Map<string, ObjectRead>): string[] =>
      [...map].flatMap(([key, object]) => ('problem' in object && !object.absent ? [] : key))
    const update = (
      what: { word: string; map: Map<string, ObjectRead>; name: string; optional: boolean },
      object: ObjectBytes | undefined
    ): void => {
      const before = what.map.get(what.name)
      if (object !== undefined) what.map.set(what.name, object)
      else if (before === undefined || 'problem' in before) return
      else if (what.optional) what.map.set(what.name, ABSENT)
      else return listener.say(`${what.word} ${what.name} is gone: its files stay as they were`)
      listener.changed()
    }
    this.#following = followAll([
      ...readable(configMaps).map(key =>
        followObject(following, {
          kind: 'configmaps',
          name: key,
          tell: map =>
            update(
              { word: 'ConfigMap', map: configMaps, name: key, optional: wanted.configMaps.get(key)?.optional ?? false },
              map && mapBytes(map)
            )
        })
      ),
      ...readable(secrets).map(key =>
        followObject(following, {
          kind: 'secrets',
          name: key,
          tell: secret =>
            update(
              { word: 'Secret', map: secrets, name: key, optional: wanted.secrets.get(key)?.optional ?? false },
              secret && secretBytes(secret)
            )
        })
      ),
      ...(target.exists ? [followObject(following, { kind: 'pods', name, tell: pod => this.#podIs(pod, listener) })] : [])
    ])
    tokens.follow({ changed: listener.changed, failed: listener.say })
  }

  #gone = false

  #podIs(pod: Pod | undefined, listener: Parameters<LiveSources['follow']>[0]): void {
    const same = pod !== undefined && pod.metadata?.uid === this.pod.metadata?.uid
    if (same) {
      this.pod = pod
      listener.changed()
    } else if (!this.#gone) {
      this.#gone = true
      listener.say(
        `pod ${this.pod.metadata?.name ?? ''} is gone: its ConfigMaps and Secrets are still followed; for the files and the token of a new pod, start again`
      )
    }
  }
}

const NOT_READ: ObjectRead = { problem: 'was not read', absent: false }
const ABSENT: ObjectRead = { problem: 'does not exist', absent: true }

async function readObject(
  cluster: VolumeCluster,
  { kind, namespace, name, signal }: { kind: 'configmaps' | 'secrets'; namespace: string; name: string; signal: AbortSignal }
): Promise<ObjectRead> {
  return readOrWhy<ObjectBytes>(async () => {
    if (kind === 'configmaps') {
      const map = await cluster.get(kind, namespace, name, signal)
      return map && mapBytes(map)
    }
    const secret = await cluster.get(kind, namespace, name, signal)
    return secret && secretBytes(secret)
  })
}

export const mapBytes = ({ metadata, data, binaryData }: ObjectsByKind['configmaps']): ObjectBytes => ({
  version: metadata?.resourceVersion,
  values: new Map([
    ...Object.entries(data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'utf8')] as const),
    ...Object.entries(binaryData ?? {}).map(([key, base64]) => [key, Buffer.from(base64, 'base64')] as const)
  ])
})

export const secretBytes = ({ metadata, data }: ObjectsByKind['secrets']): ObjectBytes => ({
  version: metadata?.resourceVersion,
  values: new Map(Object.entries(data ?? {}).map(([key, base64]) => [key, Buffer.from(base64, 'base64')]))
})

async function readAllocatable(cluster: VolumeCluster, pod: Pod, signal: AbortSignal): Promise<Allocatable> {
  const name = pod.spec?.nodeName
  if (name === undefined || name === '') return { problem: 'is not known: the pod has no node' }
  const node = await readOrWhy(() => cluster.get('nodes', '', name, signal))
  return isUnread(node) ? { problem: node.problem } : { quantities: node.status?.allocatable ?? {} }
}
