/**
 * Stands in for Kubernetes in the demo: the one thing a session needs of it here is a port-forward to the pod, for the return path. A real one goes
 * through the API server; this one dials loopback. Nothing can be listed, and nothing changes.
 */
import { closeOnce } from '../base/closable.ts'
import type { Cluster } from '../kube/types.ts'
import { dialTcp } from '../transport/tcp.ts'

export function standInCluster(): Cluster {
  const none = (): never => {
    throw new Error('the demo has no API server')
  }
  return {
    context: 'demo',
    namespace: 'default',
    server: 'none',
    user: 'demo',
    list: async () => [],
    get: async () => undefined,
    watch: () => ({ ready: Promise.resolve(), close: async () => {} }),
    forwarder: () => ({ dial: (port, signal) => dialTcp({ host: '127.0.0.1', port })(signal), close: async () => {} }),
    serviceProxySocket: none,
    serviceProxyRequest: none,
    exec: none,
    execStream: none,
    execConnection: none,
    dialServer: none,
    requestToken: none,
    createLease: async lease => lease,
    replaceLease: async lease => lease,
    deleteLease: async () => true,
    canI: async () => true,
    close: closeOnce(() => {})
  }
}
