/** One volume → its files, by the rules of the kubelet (pkg/volume/configmap, secret, projected, downwardapi). Pure. */
import { fieldValue } from '../resolve/pod-field.ts'
import type { Container, Pod } from '../resolve/objects.ts'
import { resourceValue } from '../resolve/resource-field.ts'
import type { Unread } from '../resolve/unread.ts'
import { insidePath } from './inside.ts'
import type { ObjectRead, VolumeFile, VolumeSources } from './types.ts'

export type Volume = NonNullable<NonNullable<Pod['spec']>['volumes']>[number]
type Item = { key: string; path: string; mode?: number | undefined }
type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number]
type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number]

/** As `Missing`, with a path below the volume; empty: all that this source gives. */
export interface Lacking {
  path: string
  why: string
  source: string
  secret: boolean
  hint?: string
}

export interface VolumeContent {
  files: VolumeFile[]
  lacking: Lacking[]
}

export interface VolumeContext {
  pod: Pod
  container: Container
  sources: VolumeSources
}

const DEFAULT_MODE = 0o644
const DEFAULT_EXPIRATION_SECONDS = 3_600

/** Undefined: the files are only in the container. */
export function volumeContent(volume: Volume, context: VolumeContext): VolumeContent | undefined {
  const { configMap, secret, downwardAPI, projected } = volume
  const build = new Build(context)
  if (configMap !== undefined) {
    build.defaultMode = configMap.defaultMode ?? DEFAULT_MODE
    build.addObject('ConfigMap', configMap.name, configMap)
  } else if (secret !== undefined) {
    build.defaultMode = secret.defaultMode ?? DEFAULT_MODE
    build.addObject('Secret', secret.secretName, secret)
  } else if (downwardAPI !== undefined) {
    build.defaultMode = downwardAPI.defaultMode ?? DEFAULT_MODE
    for (const item of downwardAPI.items ?? []) build.addItem(item)
  } else if (projected !== undefined) {
    build.defaultMode = projected.defaultMode ?? DEFAULT_MODE
    for (const source of projected.sources ?? []) build.addProjection(source)
  } else return undefined
  return build.content()
}

interface ObjectRef {
  items?: readonly Item[] | undefined
  optional?: boolean | undefined
}

class Build {
  defaultMode = DEFAULT_MODE
  readonly #context: VolumeContext
  readonly #files = new Map<string, VolumeFile>()
  readonly #lacking: Lacking[] = []

  constructor(context: VolumeContext) {
    this.#context = context
  }

  addObject(word: 'ConfigMap' | 'Secret', name = '', { items, optional = false }: ObjectRef): void {
    const { sources } = this.#context
    const secret = word === 'Secret'
    const source = `${word.toLowerCase()}/${name}`
    const object: ObjectRead = secret ? sources.secret(name) : sources.configMap(name)
    if ('problem' in object) {
      if (!(object.absent && optional)) this.#lack({ path: '', source, secret }, `${word} ${name}`, object)
      return
    }
    const wanted: readonly Item[] = items === undefined || items.length === 0 ? [...object.values.keys()].map(keyItem) : items
    for (const { key, path, mode } of wanted) {
      const bytes = object.values.get(key)
      if (bytes !== undefined) this.#add({ path, bytes, mode: mode ?? this.defaultMode, source: `${source}:${key}`, secret })
      else if (!optional) this.#lacking.push({ path, why: `${word} ${name} has no key ${key}`, source: `${source}:${key}`, secret })
    }
  }

  addItem({ path, fieldRef, resourceFieldRef, mode }: DownwardItem): void {
    const { pod, container, sources } = this.#context
    const source = fieldRef === undefined ? `resource:${resourceFieldRef?.resource ?? ''}` : `field:${fieldRef.fieldPath}`
    const read =
      fieldRef === undefined
        ? resourceFieldRef === undefined
          ? { text: '' }
          : resourceValue(resourceFieldRef, { pod, container, allocatable: sources.allocatable })
        : fieldValue(pod, fieldRef.fieldPath)
    if ('text' in read) this.#add({ path, bytes: Buffer.from(read.text), mode: mode ?? this.defaultMode, source, secret: false })
    else this.#lacking.push({ path, why: read.problem, source, secret: false })
  }

  addProjection(projection: Projection): void {
    const { configMap, secret, downwardAPI, serviceAccountToken } = projection
    if (configMap !== undefined) this.addObject('ConfigMap', configMap.name, configMap)
    else if (secret !== undefined) this.addObject('Secret', secret.name, secret)
    else if (downwardAPI !== undefined) for (const item of downwardAPI.items ?? []) this.addItem(item)
    else if (serviceAccountToken !== undefined) this.#addToken(serviceAccountToken)
    else {
      const [kind = 'unknown', details] = Object.entries(projection).find(([, value]) => value !== undefined) ?? []
      const path = typeof details === 'object' && details !== null && 'path' in details ? String(details.path) : ''
      this.#lacking.push({ path, why: `${kind} is nothing that this program can read: copy it with --mount`, source: kind, secret: false })
    }
  }

  #addToken({ path, audience = '', expirationSeconds = DEFAULT_EXPIRATION_SECONDS }: NonNullable<Projection['serviceAccountToken']>): void {
    const { pod, sources } = this.#context
    const read = sources.token({ audience, expirationSeconds })
    // The kubelet gives it to the user that all containers run as.
    const mode = fsUserOf(pod) !== undefined || pod.spec?.securityContext?.fsGroup !== undefined ? 0o600 : this.defaultMode
    if ('token' in read) this.#add({ path, bytes: Buffer.from(read.token), mode, source: 'token', secret: true })
    else this.#lack({ path, source: 'token', secret: true }, `a token of ServiceAccount ${accountOf(pod)}`, read)
  }

  #lack(what: Pick<Lacking, 'path' | 'source' | 'secret'>, name: string, { problem, hint }: Unread): void {
    this.#lacking.push({ ...what, why: `${name} ${problem}`, ...(hint === undefined ? {} : { hint }) })
  }

  /** Later sources win, as in the kubelet. */
  #add(file: VolumeFile): void {
    const path = insidePath(file.path)
    if (path === undefined || path === '' || path.startsWith('..')) {
      const { source, secret } = file
      this.#lacking.push({ path: '', why: `${JSON.stringify(file.path)} is no name for a file in a volume`, source, secret })
    } else this.#files.set(path, { ...file, path, mode: this.#mode(file.mode) })
  }

  /** With an fsGroup the kubelet lets the group read every file. */
  #mode(mode: number): number {
    return (this.#context.pod.spec?.securityContext?.fsGroup === undefined ? mode : mode | 0o440) & 0o777
  }

  content(): VolumeContent {
    const files: VolumeFile[] = []
    for (const file of this.#files.values()) {
      const parent = parentsOf(file.path).find(path => this.#files.has(path))
      if (parent === undefined) files.push(file)
      else
        this.#lacking.push({ path: file.path, why: `${parent} is a file and a folder at once`, source: file.source, secret: file.secret })
    }
    return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), lacking: this.#lacking }
  }
}

const keyItem = (key: string): Item => ({ key, path: key })

/** `a/b/c` → `a`, `a/b`. */
export const parentsOf = (path: string): string[] => {
  const parts = path.split('/')
  return parts.slice(1).map((_part, index) => parts.slice(0, index + 1).join('/'))
}

export const accountOf = (pod: Pod): string => pod.spec?.serviceAccountName || 'default'

/** The one user of all containers, when each of them says so (volumeutil.FsUserFrom). */
function fsUserOf({ spec }: Pod): number | undefined {
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
  const users = new Set(all.map(({ securityContext }) => securityContext?.runAsUser ?? spec?.securityContext?.runAsUser))
  return users.size === 1 ? [...users][0] : undefined
}
