/** The parts of the program that commands run, each loaded when it is needed. Tests give their own. */
import type { openAccess } from '../access/open-access.ts'
import type { runLiveDemo } from '../demo/live-demo.ts'
import type { runDemo } from '../demo/run-demo.ts'
import type { connectCluster } from '../kube/connect.ts'
import type { runIntercept } from '../session/run.ts'
import type { startTui } from '../tui/start-tui.tsx'

export interface Parts {
  runIntercept: () => Promise<typeof runIntercept>
  connectCluster: () => Promise<typeof connectCluster>
  openAccess: () => Promise<typeof openAccess>
  runDemo: () => Promise<typeof runDemo>
  runLiveDemo: () => Promise<typeof runLiveDemo>
  startTui: () => Promise<typeof startTui>
}

export const realParts: Parts = {
  runIntercept: async () => (await import('../session/run.ts')).runIntercept,
  connectCluster: async () => (await import('../kube/connect.ts')).connectCluster,
  openAccess: async () => (await import('../access/open-access.ts')).openAccess,
  runDemo: async () => (await import('../demo/run-demo.ts')).runDemo,
  runLiveDemo: async () => (await import('../demo/live-demo.ts')).runLiveDemo,
  startTui: async () => (await import('../tui/start-tui.tsx')).startTui
}
