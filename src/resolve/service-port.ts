/** From a container port to the port of a Service that leads there. */
import { labelsOf, type Pod, portsOf, type Service, selects, targetPort } from './objects.ts'

/** On the server's own Service first, then on any other that selects its pods. */
export function servicePortTo(
  services: readonly Service[],
  own: Service | undefined,
  pod: Pod,
  containerPort: number | undefined
): { service: Service; port: number } | undefined {
  if (containerPort === undefined) return undefined
  const others = services.filter(service => service !== own && selects(service.spec?.selector, labelsOf(pod)))
  for (const service of own === undefined ? others : [own, ...others]) {
    const port = portsOf(service).find(candidate => targetPort(candidate, pod) === containerPort)
    if (port !== undefined) return { service, port: port.port }
  }
  return undefined
}
