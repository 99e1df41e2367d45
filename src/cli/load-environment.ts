/** The environment of a target as `env` and `intercept --env-file` want it: found in the cluster, redacted where asked. */
import type { Environment } from '../environment/environment.ts'
import type { Cluster } from '../kube/types.ts'
import { connect } from './connect.ts'
import type { CommandContext } from './context.ts'
import { type EnvironmentFiles, sayOn, sayWhatIsMissing, writeEnvironmentFiles } from './environment-output.ts'

export async function loadEnvironment(context: CommandContext, word: string): Promise<Environment> {
  const read = await environmentReader(context, word)
  const say = sayOn(context.io)
  const cluster = await connect(context, line => say(`warning: ${line}`))
  try {
    return await read(cluster)
  } finally {
    await cluster.close()
  }
}

/** Throws BAD_USAGE for a target that cannot be one, before anything is dialled. */
export async function environmentReader(
  { command, args, stop }: CommandContext,
  word: string
): Promise<(cluster: Cluster) => Promise<Environment>> {
  const [{ readEnvironment }, { parseTargetOf }] = await Promise.all([
    import('../environment/environment.ts'),
    import('../resolve/target.ts')
  ])
  const target = parseTargetOf(command === 'env' ? 'kubectl intercept env' : 'kubectl intercept', word)
  return cluster =>
    readEnvironment(cluster, { target, container: args.text('container'), namespace: cluster.namespace, signal: stop.drain })
}

/** At the start of a session. What is missing is said and stops nothing. */
export async function writeTargetEnvironment(context: CommandContext, word: string, files: EnvironmentFiles): Promise<void> {
  const found = await loadEnvironment(context, word)
  await writeEnvironmentFiles(found.variables, files, context.io)
  sayWhatIsMissing(found, sayOn(context.io))
}
