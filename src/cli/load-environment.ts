/** The environment of a target as `env` and `intercept --env-file` want it: found in the cluster, redacted where asked. */
import { printable } from '../base/format.ts'
import type { Environment } from '../environment/environment.ts'
import type { Cluster } from '../kube/types.ts'
import { connect } from './connect.ts'
import type { CommandContext } from './context.ts'
import { type EnvironmentFiles, sayWhatIsMissing, writeEnvironmentFiles } from './environment-output.ts'

export async function loadEnvironment(context: CommandContext, word: string): Promise<Environment> {
  const cluster = await connect(context, line => void context.io.stderr.write(`warning: ${printable(line)}\n`))
  try {
    return await readTargetEnvironment(context, cluster, word)
  } finally {
    await cluster.close()
  }
}

export async function readTargetEnvironment({ args, stop }: CommandContext, cluster: Cluster, word: string): Promise<Environment> {
  const [{ readEnvironment }, { parseTarget }] = await Promise.all([
    import('../environment/environment.ts'),
    import('../resolve/target.ts')
  ])
  const target = parseTarget(word)
  return readEnvironment(cluster, { target, container: args.text('container'), namespace: cluster.namespace, signal: stop.drain })
}

/** At the start of a session. What is missing is said and stops nothing. */
export async function writeTargetEnvironment(context: CommandContext, word: string, files: EnvironmentFiles): Promise<void> {
  const found = await loadEnvironment(context, word)
  await writeEnvironmentFiles(found.variables, files, context.io)
  sayWhatIsMissing(found, context.io)
}
