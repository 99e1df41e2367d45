/** A plan as the `plan.resolved` event tells it: for people, without its secret. */
import { formatEndpoint } from '../base/connection.ts'
import { shortTunnel } from '../base/format.ts'
import type { EventBody } from '../event/types.ts'
import { type MirrorSettings, mirrorNote } from './mirroring.ts'
import type { Mapped } from './request.ts'

export function planEvent({ plan, local }: Mapped, weight: number, mirror?: MirrorSettings): EventBody<'plan.resolved'> {
  const stock = plan.server.peer === 'gost'
  const notes = [...(mirror === undefined ? [] : [mirrorNote(plan, mirror)]), ...plan.notes, ...plan.passes, ...plan.bypasses]
  if (stock && weight === 255) {
    notes.push('if this machine sleeps or loses its network, visitors wait up to 60 s until the stock server notices')
  }
  const { service, servicePort, pods } = plan.server
  return {
    workload: plan.workload,
    ...(plan.namespace === '' ? {} : { namespace: plan.namespace }),
    pods: plan.sidecars.map(({ pod }) => pod),
    sidecars: plan.sidecars.map(({ pod, weight: each }) => ({ pod, weight: each })),
    ...(plan.byFlags === true && { sidecarsUnknown: true }),
    server: { service: service === undefined ? `:${servicePort}` : `${service}:${servicePort}`, pods: pods.map(({ pod }) => pod), stock },
    entrypoint: plan.ingresses
      .filter(ingress => ingress.entrypoint)
      .map(ingress => `ingress ${ingress.name}`)
      .join(', '),
    hosts: plan.hosts,
    tunnel: shortTunnel(plan.tunnelId),
    appPort: plan.app === undefined ? '' : formatEndpoint({ host: plan.app.host, port: plan.app.port }),
    local: formatEndpoint(local),
    notes
  }
}
