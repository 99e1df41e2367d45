/** The pods that may run sidecars, and the lists that are worth asking for before anybody needs them. */
import { InterceptError } from '../base/errors.ts'
import { together } from '../base/together.ts'
import { isOver, labelsOf, matches, namespaceOf, parseSelector, type Pod } from './objects.ts'
import type { World } from './world.ts'

export interface PodChoice {
  namespace: string
  allNamespaces?: boolean | undefined
  /** On the labels of pods. */
  selector?: string | undefined
}

/** Asked for at once: what nearly every resolution needs. Whoever needs it waits for it; a refusal surfaces there. */
export function listAhead(world: World, namespace: string): void {
  for (const kind of ['services', 'pods', 'ingresses', 'deployments'] as const)
    void world.inventory.listIfAllowed(kind, namespace).catch(() => {})
}

/** The pods of the namespaces in question that `-l` lets through. */
export async function selectedPods(world: World, options: PodChoice): Promise<Pod[]> {
  const selector = options.selector === undefined ? {} : parseSelector(options.selector)
  if (selector === undefined) {
    throw new InterceptError('BAD_USAGE', `selector ${options.selector ?? ''} cannot be read`, {
      hint: "for example: -l 'app=nginx,tier!=cache,env in (dev,test)'"
    })
  }
  const pods = await tunnelPods(world, options)
  return pods.filter(pod => matches(selector, labelsOf(pod)))
}

/** All pods that may run a sidecar. */
async function tunnelPods(world: World, options: PodChoice): Promise<Pod[]> {
  const everywhere = options.allNamespaces === true
  if (everywhere) for (const kind of ['services', 'ingresses', 'deployments'] as const) void world.inventory.listAll(kind).catch(() => {})
  else listAhead(world, options.namespace)
  const pods = everywhere ? await world.inventory.listAll('pods') : await world.inventory.list('pods', options.namespace)
  const kept = pods.filter(pod => !isOver(pod))
  await together([...new Set(kept.map(namespaceOf))].map(namespace => world.services(namespace)))
  return kept
}
