/** Where sidecars forward to another Service, its ready pods are the end of the return path: found once, then followed. */
import type { Closable } from '../base/closable.ts'
import { asError } from '../base/errors.ts'
import type { InterceptOptions } from './options.ts'
import { type ReturnTarget, serviceTargets } from './return-targets.ts'

/** Undefined when the plan has no such Service. Without the right to read it there is no return path, and the log says so. */
export async function followAppService(
  { cluster, plan, log }: Pick<InterceptOptions, 'cluster' | 'plan' | 'log'>,
  onTargets: (targets: ReturnTarget[]) => void,
  signal: AbortSignal
): Promise<Closable | undefined> {
  if (cluster === undefined || plan.appService === undefined) return undefined
  const { namespace, service, port } = plan.appService
  try {
    const found = await cluster.get('services', namespace, service, signal)
    const portName = found?.spec?.ports?.find(each => each.port === port)?.name
    const proxyProtocol = plan.sidecars[0]?.proxyProtocol ?? 0
    const watch = cluster.watch('endpoints', { namespace, fieldSelector: `metadata.name=${service}` }, items =>
      onTargets(items.flatMap(each => serviceTargets(each, portName, proxyProtocol)))
    )
    await watch.ready
    return watch
  } catch (error) {
    log.warn('no return path to the Service', { service, error: asError(error) })
    return undefined
  }
}
