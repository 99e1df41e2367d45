/** Files of a container that come from ConfigMaps and Secrets: by mount path, subPath, items and projected volumes. Nothing else can be read from outside. */
import type { FileRead } from './context.ts'
import { expand, type Lookup } from './expand.ts'
import type { ContainerSpec, ObjectData, PodSpec, Sources, VolumeSpec } from './pod-spec.ts'

export type Mounted = FileRead | { absent: true }

/** `absent`: the volume was read and has no such file. A path outside every readable volume is a problem. */
export function readMounted(pod: PodSpec, container: ContainerSpec, path: string, world: { sources: Sources; lookup: Lookup }): Mounted {
  const wanted = normal(path, container.workingDir)
  const mounts = (container.volumeMounts ?? [])
    .map(mount => ({ ...mount, at: normal(mount.mountPath, undefined) }))
    .filter(mount => wanted === mount.at || wanted.startsWith(mount.at === '/' ? '/' : `${mount.at}/`))
    .sort((a, b) => b.at.length - a.at.length)
  const [mount] = mounts
  if (mount === undefined) return { problem: 'is inside the image, which cannot be read from outside' }
  const volume = (pod.volumes ?? []).find(candidate => candidate.name === mount.name)
  if (volume === undefined) return { problem: `is on volume ${mount.name}, which the pod does not have` }
  const base = mount.subPath ?? (mount.subPathExpr === undefined ? '' : expand(mount.subPathExpr, world.lookup))
  const inner = [base, wanted.slice(mount.at.length)]
    .join('/')
    .split('/')
    .filter(part => part !== '')
    .join('/')
  return readVolume(volume, inner, world.sources)
}

function readVolume(volume: VolumeSpec, path: string, sources: Sources): Mounted {
  if (volume.configMap !== undefined) return readObject('ConfigMap', { ...volume.configMap, path }, sources)
  if (volume.secret !== undefined)
    return readObject('Secret', { name: volume.secret.secretName, items: volume.secret.items, path }, sources)
  if (volume.projected === undefined) return { problem: `is on volume ${volume.name}, which is neither a ConfigMap nor a Secret` }
  let problem: Mounted | undefined
  // kubelet lets the later of two sources with one path win.
  for (const source of [...(volume.projected.sources ?? [])].reverse()) {
    const [kind, ref] = source.configMap === undefined ? (['Secret', source.secret] as const) : (['ConfigMap', source.configMap] as const)
    if (ref === undefined) continue
    const read = readObject(kind, { ...ref, path }, sources)
    if ('text' in read) return read
    if ('problem' in read) problem ??= read
  }
  return problem ?? { absent: true }
}

interface ObjectFile {
  name?: string | undefined
  items?: readonly { key: string; path: string }[] | undefined
  path: string
}

function readObject(kind: 'ConfigMap' | 'Secret', { name = '', items, path }: ObjectFile, sources: Sources): Mounted {
  const key = items === undefined ? path : items.find(item => normal(item.path, undefined) === normal(path, undefined))?.key
  if (key === undefined) return { absent: true }
  const object: ObjectData = kind === 'Secret' ? sources.secret(name) : sources.configMap(name)
  if ('problem' in object) return { problem: `is in ${kind} ${name}, which ${object.problem}` }
  const text = object.data.get(key)
  return text === undefined ? { absent: true } : { text }
}

/** An absolute path without `.`, `..` and doubled slashes. */
function normal(path: string, workingDir: string | undefined): string {
  const parts: string[] = []
  for (const part of (path.startsWith('/') ? path : `${workingDir ?? '/'}/${path}`).split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}
