/** The cluster of the command line's flags and kubeconfig. */
import type { Cluster } from '../kube/types.ts'
import type { CommandContext } from './context.ts'
import { readKubeFlags } from './kube-options.ts'
import { VERSION } from './version.ts'

export async function connect({ args, io, clock, log, parts }: CommandContext, warn: (line: string) => void): Promise<Cluster> {
  const connectCluster = await parts.connectCluster()
  return connectCluster({
    ...readKubeFlags(args),
    env: io.env,
    home: io.home,
    log: log.child('kube'),
    clock,
    warn,
    interactive: io.stdin.isTTY === true,
    userAgent: `kubectl-intercept/${VERSION}`
  })
}
