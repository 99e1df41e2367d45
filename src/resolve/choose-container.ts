/** Which container's environment is meant: `-c`, else the app that the sidecar forwards to, else the first that is no gost. Pure. */
import { InterceptError } from '../base/errors.ts'
import { nearest } from '../base/format.ts'
import { isLoopback } from '../discovery/address.ts'
import type { PodFacts } from './pod-facts.ts'
import type { Container, Pod } from './objects.ts'

export interface Chosen {
  container: Container
  /** Why this one, when there was a choice. */
  note: string | undefined
}

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container'

/** Throws TARGET_NOT_FOUND for a name that the pod does not have. */
export function chooseContainer(facts: PodFacts, wanted: string | undefined): Chosen {
  const { pod } = facts
  const containers = pod.spec?.containers ?? []
  if (wanted !== undefined) return { container: named(pod, wanted), note: undefined }
  const forwarded = facts.sidecars.map(({ app }) => app).filter(app => app !== undefined && isLoopback(app.host))
  const gost = new Set(facts.containers.filter(one => one.facts.otherwise === undefined).map(({ name }) => name))
  const apps = containers.filter(({ name }) => !gost.has(name))
  const byPort = apps.find(({ ports }) => ports?.some(({ containerPort }) => forwarded.some(app => app?.port === containerPort)))
  const byAnnotation = apps.find(({ name }) => name === pod.metadata?.annotations?.[DEFAULT_CONTAINER])
  const container = byPort ?? byAnnotation ?? apps[0] ?? containers[0]
  if (container === undefined) throw new InterceptError('TARGET_NOT_FOUND', `pod ${pod.metadata?.name ?? ''} has no containers`)
  const why =
    container === byPort ? 'the sidecar forwards to it' : container === byAnnotation ? 'the pod names it as its default' : 'the first'
  const others = apps.filter(other => other !== container).map(({ name }) => name)
  return { container, note: others.length === 0 ? undefined : `container ${container.name} (${why}); others with -c: ${others.join(', ')}` }
}

function named(pod: Pod, name: string): Container {
  const { spec } = pod
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])]
  const found = all.find(container => container.name === name)
  if (found !== undefined) return found
  const names = all.map(container => container.name)
  const [near] = nearest(name, names, 1)
  throw new InterceptError('TARGET_NOT_FOUND', `pod ${pod.metadata?.name ?? ''} has no container ${name}: it has ${names.join(', ')}`, {
    hint: `choose with -c ${near ?? names[0] ?? 'NAME'}`,
    details: { containers: names }
  })
}
