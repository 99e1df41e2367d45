/** The parts of the program that commands run, each loaded when it is needed. Tests give their own. */
import type { runDemo } from '../demo/run-demo.ts'
import type { connectCluster } from '../kube/connect.ts'
import type { runIntercept } from '../session/run.ts'

export interface Parts {
  runIntercept: () => Promise<typeof runIntercept>
  connectCluster: () => Promise<typeof connectCluster>
  runDemo: () => Promise<typeof runDemo>
}

export const realParts: Parts = {
  runIntercept: async () => (await import('../session/run.ts')).runIntercept,
  connectCluster: async () => (await import('../kube/connect.ts')).connectCluster,
  runDemo: async () => (await import('../demo/run-demo.ts')).runDemo
}
