/** Which objects a container's environment is made of: each once, whoever refers to it. Pure. */
import { needsNode } from '../resolve/resource-field.ts'
import type { Container, Pod } from './types.ts'

export interface References {
  configMaps: string[]
  secrets: string[]
  /** A limit that is not set is the node's. */
  node: boolean
}

export function referencesOf(pod: Pod, container: Container): References {
  const configMaps = new Set<string>()
  const secrets = new Set<string>()
  let node = false
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef !== undefined) configMaps.add(configMapRef.name ?? '')
    else if (secretRef !== undefined) secrets.add(secretRef.name ?? '')
  }
  for (const { value, valueFrom } of container.env ?? []) {
    if ((value ?? '') !== '' || valueFrom === undefined) continue
    if (valueFrom.configMapKeyRef !== undefined) configMaps.add(valueFrom.configMapKeyRef.name ?? '')
    if (valueFrom.secretKeyRef !== undefined) secrets.add(valueFrom.secretKeyRef.name ?? '')
    if (valueFrom.resourceFieldRef !== undefined) node ||= needsNode(valueFrom.resourceFieldRef, pod, container)
  }
  return { configMaps: [...configMaps], secrets: [...secrets], node }
}
