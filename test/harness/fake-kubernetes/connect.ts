/** A `Cluster` on the fake API server, through its kubeconfig file. */
import { systemClock } from '../../../src/base/clock.ts'
import { silent } from '../../../src/base/log.ts'
import { type ClusterOptions, connectCluster } from '../../../src/kube/connect.ts'
import type { Cluster } from '../../../src/kube/types.ts'

export const connectToFake = (fake: { kubeconfigPath: string }, options: Partial<ClusterOptions> = {}): Promise<Cluster> =>
  connectCluster({
    kubeconfig: fake.kubeconfigPath,
    env: {},
    home: '/nonexistent',
    log: silent,
    clock: systemClock,
    warn: () => {},
    ...options
  })
