/** `kubectl intercept TARGET…`: reads the request, gives the session an output, a control socket and the signals, and returns its exit code. */
import type { CommandContext } from '../context.ts'
import { formatFor } from '../output-format.ts'
import { readInterceptRequest } from '../read-request.ts'

export async function run({ io, args, parts }: CommandContext): Promise<number> {
  formatFor('intercept', args)
  const { parsePortMapping } = await parts.resolve()
  await readInterceptRequest(args, io, parsePortMapping)
  return 0
}
