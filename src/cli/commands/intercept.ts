/** `kubectl intercept TARGET…`: reads the request and hands it to a session. */
import type { InterceptContext } from '../../session/request.ts'
import type { CommandContext } from '../context.ts'
import { type EnvironmentFiles, readEnvironmentFiles, wantsFiles } from '../environment-output.ts'
import { writeTargetEnvironment } from '../load-environment.ts'
import { withNearCommand } from '../near-command.ts'
import { sessionFormat } from '../output-format.ts'
import { readInterceptRequest } from '../read-request.ts'
import type { ParsedArgs } from '../parse.ts'
import { hostSession } from '../session-host.ts'
import { badUsage } from '../usage-error.ts'

export async function run(context: CommandContext): Promise<number> {
  const { args, io, parts, config } = context
  const format = sessionFormat('intercept', args, io)
  const { parsePortMapping } = await import('../../resolve/port-mapping.ts')
  const request = await readInterceptRequest(context, parsePortMapping)
  const files = readEnvironmentFiles(args)
  const environmentOf = targetOfFiles(request.targets, files, args)
  if (environmentOf !== undefined && !request.dryRun) await writeTargetEnvironment(context, environmentOf, files)
  const runIntercept = await parts.runIntercept()
  return hostSession(context, { format: request.dryRun && format === 'tui' ? 'plain' : format, control: !request.dryRun }, session => {
    tellConfig(context, session)
    return runIntercept(request, session).catch((error: unknown) => {
      throw withNearCommand(error, request.targets, config?.names)
    })
  })
}

function tellConfig({ config }: CommandContext, { events }: InterceptContext): void {
  if (config?.said !== undefined) events.emit('notice', { level: 'info', code: 'CONFIG', message: config.said })
  for (const message of config?.ignored ?? []) events.emit('notice', { level: 'warn', code: 'CONFIG_IGNORED', message })
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
