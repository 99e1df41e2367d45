/** What `--mount` wants copied, and from which container it can be. Pure. */
import type { Container, Pod } from '../resolve/objects.ts'
import { containerPath } from './inside.ts'
import type { VolumePlan } from './types.ts'

interface Copy {
  from: string
  to: string | undefined
}

export interface CopyJob extends Copy {
  /** In the container. */
  path: string
  container: string
}

/** The outermost first: a copy needs an empty place. */
export const copyJobs = (
  { copies, target }: { copies: readonly Copy[]; target: { pod: Pod; container: Container } },
  plan: VolumePlan
): CopyJob[] => copies.map(copy => ({ ...copy, ...sourceOf(copy.from, target, plan) })).sort((a, b) => a.path.length - b.path.length)

/** A volume is copied from where the container has it, or another container of the pod. */
function sourceOf(
  from: string,
  { pod, container }: { pod: Pod; container: Container },
  plan: VolumePlan
): Pick<CopyJob, 'path' | 'container'> {
  const path = from.startsWith('/') ? containerPath(from) : undefined
  if (path !== undefined) return { path, container: container.name }
  const own = [...plan.elsewhere, ...plan.mounts].find(({ volume }) => volume === from)
  if (own !== undefined) return { path: own.path, container: container.name }
  for (const other of pod.spec?.containers ?? []) {
    const mount = other.volumeMounts?.find(({ name }) => name === from)
    const there = mount === undefined ? undefined : containerPath(mount.mountPath)
    if (there !== undefined) return { path: there, container: other.name }
  }
  return { path: `/${from}`, container: container.name }
}
