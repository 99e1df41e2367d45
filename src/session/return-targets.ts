/** Where the return path may end: the pods' own loopback, as the sidecars dial it, or the ready pods behind the Service that the sidecars forward to. */
import type { ObjectsByKind } from '../kube/types.ts'
import type { SidecarPod } from '../resolve/types.ts'

export interface ReturnTarget {
  namespace: string
  pod: string
  /** Port in the pod. */
  port: number
  /** The app expects this PROXY header version from the sidecar. */
  proxyProtocol: 0 | 1 | 2
}

const LOOPBACK = /^(?:|localhost|127\.\d+\.\d+\.\d+|::1|0\.0\.0\.0|::)$/

/** A port-forward dials the pod's own loopback, exactly as this sidecar does. */
export const returnable = (pod: SidecarPod): boolean =>
  pod.ready && !pod.terminating && pod.app !== undefined && LOOPBACK.test(pod.app.host)

export const ownTargets = (pods: readonly SidecarPod[]): ReturnTarget[] =>
  pods
    .filter(returnable)
    .flatMap(({ namespace, pod, app, proxyProtocol }) => (app === undefined ? [] : [{ namespace, pod, port: app.port, proxyProtocol }]))

/** The ready pods of a Service's Endpoints, at the container port that its only port, or the one of this number's name, leads to. */
export function serviceTargets(
  endpoints: ObjectsByKind['endpoints'],
  portName: string | undefined,
  proxyProtocol: 0 | 1 | 2
): ReturnTarget[] {
  return (endpoints.subsets ?? []).flatMap(subset => {
    const ports = subset.ports ?? []
    const port = ports.length === 1 ? ports[0]?.port : ports.find(({ name }) => name === portName)?.port
    if (port === undefined) return []
    return (subset.addresses ?? []).flatMap(({ targetRef }) =>
      targetRef?.kind === 'Pod' && targetRef.name !== undefined
        ? [{ namespace: targetRef.namespace ?? endpoints.metadata?.namespace ?? '', pod: targetRef.name, port, proxyProtocol }]
        : []
    )
  })
}
