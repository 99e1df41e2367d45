/** `kubectl intercept TARGET…`: reads the request and hands it to a session. */
import path from 'node:path'
import type { CommandContext } from '../context.ts'
import { type EnvironmentFiles, readEnvironmentFiles, wantsFiles } from '../environment-output.ts'
import { writeTargetEnvironment } from '../load-environment.ts'
import { withNearCommand } from '../near-command.ts'
import { sessionFormat } from '../output-format.ts'
import { readInterceptRequest } from '../read-request.ts'
import type { ParsedArgs } from '../parse.ts'
import { hostSession } from '../session-host.ts'
import type { InterceptContext } from '../../session/request.ts'
import { badUsage } from '../usage-error.ts'

export async function run(context: CommandContext): Promise<number> {
  const { args, io, parts, config } = context
  // Beside a program the screen must be asked for: what the program writes would go elsewhere.
  const beside = args.child !== undefined && args.text('log-to') === undefined && args.text('output') === undefined
  const format = beside ? 'plain' : sessionFormat('intercept', args, io)
  const { parsePortMapping } = await import('../../resolve/port-mapping.ts')
  const request = await readInterceptRequest(context, parsePortMapping)
  const files = readEnvironmentFiles(args)
  const environmentOf = targetOfFiles(request.targets, files, args)
  if (environmentOf !== undefined && !request.dryRun) await writeTargetEnvironment(context, environmentOf, files)
  const runIntercept = await parts.runIntercept()
  const runSession = (session: InterceptContext): Promise<number> => {
    tellConfig(context, session)
    return runIntercept(request, session).catch((error: unknown) => {
      throw withNearCommand(error, request.targets, config?.names)
    })
  }
  const host = { format: request.dryRun && format === 'tui' ? ('plain' as const) : format, control: !request.dryRun }
  const [target] = request.targets
  const mounts = args.all('mount').length > 0
  if (request.dryRun && (args.child !== undefined || mounts)) io.stderr.write('note: a dry run starts no command and mounts nothing\n')
  if (request.dryRun || (args.child === undefined && !mounts)) return hostSession(context, host, runSession)
  const { openPodHere } = await import('../pod-here.ts')
  const pod = target === undefined ? undefined : await openPodHere(context, target, args.child !== undefined)
  const onPod = (session: InterceptContext): InterceptContext => {
    pod?.sayBy(session.events)
    return pod === undefined ? session : { ...session, connect: () => Promise.resolve(pod.cluster) }
  }
  try {
    if (args.child === undefined) return await hostSession(context, host, session => runSession(onPod(session)))
    const { runWithCommand } = await import('../with-command.ts')
    const command = { words: args.child, target, output: await outputOf(context) }
    // The program has stdout: a session beside it speaks on stderr.
    return await hostSession(context, { ...host, beside: true }, session =>
      runWithCommand(context, { command, pod, session: onPod(session) }, runSession)
    )
  } finally {
    await pod?.close()
  }
}

/** The file of `--log-to`, which can be written. */
async function outputOf({ args, io }: CommandContext): Promise<string | undefined> {
  const text = args.text('log-to')
  if (text === undefined) return undefined
  const { openLog } = await import('../open-log.ts')
  await (await openLog({ flag: '--log-to', text }, io)).close()
  return path.resolve(io.cwd, text)
}

function tellConfig({ config }: CommandContext, { events }: InterceptContext): void {
  if (config?.said !== undefined) events.emit('notice', { level: 'info', code: 'CONFIG', message: config.said })
  for (const message of config?.ignored ?? []) events.emit('notice', { level: 'warn', code: 'CONFIG_IGNORED', message })
}

/** The files hold one container's environment, so that one target must be named. */
function targetOfFiles(targets: readonly string[], files: EnvironmentFiles, args: ParsedArgs): string | undefined {
  if (!wantsFiles(files)) {
    if (args.text('container') !== undefined && args.child === undefined && args.all('mount').length === 0)
      throw badUsage(
        '-c says which container is meant by --env-file, --env-json, --mount and a command, and there is none of them',
        'add --env-file FILE, or leave -c out'
      )
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
