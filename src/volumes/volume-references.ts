/** Which objects a container's volumes are made of. Pure. */
import type { Container, Pod } from '../resolve/objects.ts'
import { needsNode } from '../resolve/resource-field.ts'
import type { TokenKey, VolumeSources } from './types.ts'
import { volumeContent } from './volume-files.ts'

export interface VolumeReferences {
  /** Each with whether the pod can do without it. */
  configMaps: Map<string, { optional: boolean }>
  secrets: Map<string, { optional: boolean }>
  tokens: TokenKey[]
  /** A limit that is not set is the node's. */
  node: boolean
}

/** Which objects the mounted volumes are made of: each once, whoever refers to it. */
export function volumeReferences(pod: Pod, container: Container): VolumeReferences {
  const found: VolumeReferences = { configMaps: new Map(), secrets: new Map(), tokens: [], node: false }
  const note = (map: Map<string, { optional: boolean }>, name: string, optional: boolean | undefined): void =>
    void map.set(name, { optional: optional === true && map.get(name)?.optional !== false })
  const watching: VolumeSources = {
    configMap: () => ({ values: new Map() }),
    secret: () => ({ values: new Map() }),
    token(wanted) {
      const known = found.tokens.some(one => sameToken(one, wanted))
      if (!known) found.tokens.push(wanted)
      return { token: '' }
    },
    allocatable: { problem: '' }
  }
  const mounted = new Set(container.volumeMounts?.map(({ name }) => name))
  for (const volume of pod.spec?.volumes?.filter(({ name }) => mounted.has(name)) ?? []) {
    const { configMap, secret, projected, downwardAPI } = volume
    volumeContent(volume, { pod, container, sources: watching })
    if (configMap !== undefined) note(found.configMaps, configMap.name ?? '', configMap.optional)
    if (secret !== undefined) note(found.secrets, secret.secretName ?? '', secret.optional)
    const sources = projected?.sources ?? []
    for (const source of sources) {
      if (source.configMap !== undefined) note(found.configMaps, source.configMap.name ?? '', source.configMap.optional)
      if (source.secret !== undefined) note(found.secrets, source.secret.name ?? '', source.secret.optional)
    }
    const items = [...(downwardAPI?.items ?? []), ...sources.flatMap(source => source.downwardAPI?.items ?? [])]
    found.node ||= items.some(({ resourceFieldRef }) => resourceFieldRef !== undefined && needsNode(resourceFieldRef, pod, container))
  }
  return found
}

export const sameToken = (a: TokenKey, b: TokenKey): boolean => a.audience === b.audience && a.expirationSeconds === b.expirationSeconds
