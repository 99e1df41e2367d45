/** What a target's pod has, on this machine, for as long as a program runs here in its stead: its environment and its cluster's names. */
import type { Access } from '../access/open-access.ts'
import { printable } from '../base/format.ts'
import type { Environment } from '../environment/environment.ts'
import type { Cluster } from '../kube/types.ts'
import type { AccessFlags } from './access-options.ts'
import { connect } from './connect.ts'
import type { CommandContext } from './context.ts'
import { sayWhatIsMissing } from './environment-output.ts'
import { readTargetEnvironment } from './load-environment.ts'

export interface PodHere {
  /** The session's too: one connection. */
  readonly cluster: Cluster
  readonly environment: Environment
  readonly access: Access
  close(): Promise<void>
}

/** Throws what the cluster threw; nothing is left open then. */
export async function openPodHere(context: CommandContext, word: string, accessFlags: AccessFlags): Promise<PodHere> {
  const say = (line: string): void => void context.io.stderr.write(`${printable(line)}\n`)
  const cluster = await connect(context, line => say(`warning: ${line}`))
  try {
    const [environment, access] = await both(readTargetEnvironment(context, cluster, word), accessFlags.open(cluster, say))
    sayWhatIsMissing(environment, context.io)
    return {
      cluster,
      environment,
      access,
      async close() {
        await access.close()
        await cluster.close()
      }
    }
  } catch (error) {
    await cluster.close()
    throw error
  }
}

/** A failure of the first closes what the second opened. */
async function both<T>(first: Promise<T>, second: Promise<Access>): Promise<[T, Access]> {
  const [one, two] = await Promise.allSettled([first, second])
  if (one.status === 'fulfilled' && two.status === 'fulfilled') return [one.value, two.value]
  if (two.status === 'fulfilled') await two.value.close()
  throw one.status === 'rejected' ? one.reason : two.status === 'rejected' ? two.reason : undefined
}
