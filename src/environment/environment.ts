/** A target's container and its environment: as a process in it has it, else as the kubelet would set it, with what is missing by name. */
import type { Cluster } from '../kube/types.ts'
import { findTargetPod } from '../resolve/target-pod.ts'
import type { TargetRef } from '../resolve/types.ts'
import { asFound } from './as-found.ts'
import { chooseContainer } from '../resolve/choose-container.ts'
import { planEnvironment } from './environment-plan.ts'
import { type InContainer, readInContainer, readSources } from './read.ts'
import type { Missing, Variable } from './types.ts'

export interface Environment {
  /** Empty: the template of a workload without pods. */
  pod: string
  container: string
  image: string
  variables: Variable[]
  missing: Missing[]
  /** The kubelet's words for keys that it left out. */
  skipped: string[]
  /** One line each: what was chosen, what is not included. */
  notes: string[]
}

export interface EnvironmentRequest {
  target: TargetRef
  container: string | undefined
  namespace: string
  signal: AbortSignal
}

const NO_POD: InContainer = { problem: 'no pod runs now' }

/** Throws TARGET_NOT_FOUND, and what the cluster threw. */
export async function readEnvironment(
  cluster: Pick<Cluster, 'list' | 'get' | 'namespace' | 'exec'>,
  request: EnvironmentRequest
): Promise<Environment> {
  const { namespace, signal } = request
  const { facts, exists, notes, inventory } = await findTargetPod(cluster, request.target, { namespace, signal })
  const { pod } = facts
  const { container, note } = chooseContainer(facts, request.container)
  const [sources, inContainer] = await Promise.all([
    readSources(inventory, pod, container),
    exists ? readInContainer(cluster, pod, container, signal) : NO_POD
  ])
  const plan = planEnvironment(pod, container, sources)
  const about = { pod: pod.metadata?.name ?? '', container: container.name, image: container.image ?? '' }
  const said = [...notes, ...(note === undefined ? [] : [note])]
  if ('problem' in inContainer) {
    const { problem, hint } = inContainer
    const lacking = `the image's own ENV is not included, since the container cannot be asked: ${problem}${hint === undefined ? '' : ` (${hint})`}`
    return { ...about, ...plan, notes: [...said, lacking] }
  }
  const { variables, newer } = asFound(plan, inContainer.found)
  const since = newer.length === 0 ? [] : [`not in the container, which started before them: ${newer.join(', ')}`]
  return { ...about, variables, missing: [], skipped: plan.skipped, notes: [...said, ...since] }
}
