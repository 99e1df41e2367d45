/** Which ConfigMaps and Secrets the gost configuration of a container depends on, so that exactly these are fetched, each once and in parallel. */
import { gostFacts } from './container.ts'
import type { ContainerSpec, ObjectData, PodSpec, Sources } from './pod-spec.ts'

export interface References {
  configMaps: string[]
  secrets: string[]
}

/**
 * Reads the container with what is known so far and reports what it asked for beyond that. An object may lead to another (a path from a ConfigMap, a
 * file from a Secret): ask again with the answers until nothing is left.
 */
export function referencesOf(pod: PodSpec, container: ContainerSpec, known: Partial<Sources> = {}): References {
  const configMaps = new Set<string>()
  const secrets = new Set<string>()
  const ask = (wanted: Set<string>, name: string, have: ((name: string) => ObjectData | undefined) | undefined): ObjectData => {
    const data = have?.(name)
    if (data !== undefined && !('problem' in data && data.problem === NOT_FETCHED)) return data
    wanted.add(name)
    return { problem: NOT_FETCHED }
  }
  gostFacts(pod, container, {
    configMap: name => ask(configMaps, name, known.configMap),
    secret: name => ask(secrets, name, known.secret),
    field: known.field ?? (() => ''),
    ...(known.serviceVariable === undefined ? {} : { serviceVariable: known.serviceVariable })
  })
  return { configMaps: [...configMaps], secrets: [...secrets] }
}

/** The problem of an object that was not asked for yet. */
export const NOT_FETCHED = 'was not fetched'
