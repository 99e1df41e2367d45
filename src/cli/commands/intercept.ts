/** `kubectl intercept TARGET…`: reads the request and hands it to a session. */
import type { CommandContext } from '../context.ts'
import { withNearCommand } from '../near-command.ts'
import { sessionFormat } from '../output-format.ts'
import { readInterceptRequest } from '../read-request.ts'
import { hostSession } from '../session-host.ts'

export async function run(context: CommandContext): Promise<number> {
  const { args, io, parts } = context
  const format = sessionFormat('intercept', args, io)
  const { parsePortMapping } = await import('../../resolve/port-mapping.ts')
  const request = await readInterceptRequest(args, io, parsePortMapping)
  const runIntercept = await parts.runIntercept()
  return hostSession(context, { format: request.dryRun && format === 'tui' ? 'plain' : format, control: !request.dryRun }, session =>
    runIntercept(request, session).catch((error: unknown) => {
      throw withNearCommand(error, request.targets)
    })
  )
}
