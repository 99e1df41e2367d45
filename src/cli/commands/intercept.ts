/** `kubectl intercept TARGET…`: reads the request and hands it to a session. */
import path from 'node:path'
import type { CommandContext } from '../context.ts'
import { type EnvironmentFiles, readEnvironmentFiles, wantsFiles } from '../environment-output.ts'
import { writeTargetEnvironment } from '../load-environment.ts'
import { withNearCommand } from '../near-command.ts'
import { sessionFormat } from '../output-format.ts'
import { readInterceptRequest } from '../read-request.ts'
import type { ParsedArgs } from '../parse.ts'
import { type HostOptions, hostSession } from '../session-host.ts'
import { openLog } from '../open-log.ts'
import type { InterceptContext } from '../../session/request.ts'
import { badUsage } from '../usage-error.ts'

export async function run(context: CommandContext): Promise<number> {
  const { args, io, parts } = context
  // Beside a program the screen must be asked for: what the program writes would go elsewhere.
  const beside = args.child !== undefined && args.text('log-to') === undefined && args.text('output') === undefined
  const format = beside ? 'plain' : sessionFormat('intercept', args, io)
  const { parsePortMapping } = await import('../../resolve/port-mapping.ts')
  const request = await readInterceptRequest(args, io, parsePortMapping)
  const files = readEnvironmentFiles(args)
  const environmentOf = targetOfFiles(request.targets, files, args)
  if (environmentOf !== undefined && !request.dryRun) await writeTargetEnvironment(context, environmentOf, files)
  const runIntercept = await parts.runIntercept()
  const runSession = (session: InterceptContext): Promise<number> =>
    runIntercept(request, session).catch((error: unknown) => {
      throw withNearCommand(error, request.targets)
    })
  const host = { format: request.dryRun && format === 'tui' ? ('plain' as const) : format, control: !request.dryRun }
  if (args.child === undefined || request.dryRun) return hostSession(context, host, runSession)
  return hostCommand(context, { host, words: args.child, target: request.targets[0] }, runSession)
}

/** The program has stdout: a session beside it speaks on stderr. */
async function hostCommand(
  context: CommandContext,
  { host, words, target }: { host: HostOptions; words: readonly string[]; target: string | undefined },
  runSession: (session: InterceptContext) => Promise<number>
): Promise<number> {
  const { args, io } = context
  const [{ runWithCommand }, { openPodHere }, { readAccessFlags }] = await Promise.all([
    import('../with-command.ts'),
    import('../pod-here.ts'),
    import('../access-options.ts')
  ])
  const flags = await readAccessFlags(context)
  const log = args.text('log-to')
  const output = log === undefined ? undefined : path.resolve(io.cwd, log)
  if (log !== undefined) await (await openLog({ flag: '--log-to', text: log }, io)).close()
  const pod = target === undefined ? undefined : await openPodHere(context, target, flags)
  try {
    const command = { words, target, output }
    return await hostSession(context, { ...host, beside: true }, session => runWithCommand(context, { command, pod, session }, runSession))
  } finally {
    await pod?.close()
  }
}

/** The files hold one container's environment, so that one target must be named. */
function targetOfFiles(targets: readonly string[], files: EnvironmentFiles, args: ParsedArgs): string | undefined {
  if (!wantsFiles(files)) {
    if (args.text('container') !== undefined)
      throw badUsage('-c says whose environment --env-file and --env-json write', 'add --env-file FILE, or leave -c out')
    return undefined
  }
  const [target, second] = targets
  if (target === undefined || second !== undefined)
    throw badUsage(
      '--env-file and --env-json hold the environment of one target',
      'write one for each: kubectl intercept env svc/nginx --env-file nginx.env'
    )
  return target
}
