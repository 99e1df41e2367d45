/** Where the flags and the kubeconfig point, for words that name sessions: those may run in other clusters and namespaces. Contacts nothing. */
import { InterceptError } from '../base/errors.ts'
import type { SessionCluster } from '../control/message.ts'
import type { RunningSession } from '../control/sessions.ts'
import { connect } from './connect.ts'
import type { CommandContext } from './context.ts'

export interface PlaceHere {
  cluster: SessionCluster
  namespace: string
  /** `-n` was written: no other namespace is meant. */
  namespaceTyped: boolean
}

/** Undefined where no kubeconfig can be read, and where no session tells of its cluster. */
export async function placeHere(context: CommandContext, sessions: readonly RunningSession[]): Promise<PlaceHere | undefined> {
  if (!sessions.some(({ info }) => info?.cluster !== undefined)) return undefined
  try {
    const cluster = await connect(context, () => {})
    const { server, namespace } = cluster
    const here = { cluster: { context: cluster.context, server }, namespace, namespaceTyped: context.args.text('namespace') !== undefined }
    await cluster.close()
    return here
  } catch (error) {
    if (!(error instanceof InterceptError)) throw error
    if (error.code === 'BAD_USAGE' || context.args.text('context') !== undefined) throw error
    context.log.info('no cluster to compare sessions with', { error })
    return undefined
  }
}
