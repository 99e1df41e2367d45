/** `kubectl intercept demo`: the whole thing on this machine, told as a story. */
import { EXIT } from '../../base/errors.ts'
import type { CommandContext } from '../context.ts'
import { wantsColor } from '../io.ts'
import { sessionFormat } from '../output-format.ts'
import { hostSession } from '../session-host.ts'
import { badUsage, quoted, seeHelp } from '../usage-error.ts'

export async function run(context: CommandContext): Promise<number> {
  const { io, args, clock, log, stop, parts } = context
  const output = sessionFormat('demo', args, io)
  const [word] = args.words
  if (word !== undefined) throw badUsage(`demo takes no target, but was given ${quoted(word)}`, seeHelp('demo'))
  if (output === 'tui') {
    const runLiveDemo = await parts.runLiveDemo()
    return hostSession(context, { format: output, control: true }, runLiveDemo)
  }
  const runDemo = await parts.runDemo()
  const code = await runDemo({
    stdout: io.stdout,
    stderr: io.stderr,
    clock,
    log,
    signal: stop.drain,
    keep: args.on('keep'),
    color: wantsColor(io.stdout, io.env),
    output
  })
  // It was asked to end: which signal asked decides the code, as for a session.
  return stop.drain.aborted && code === EXIT.SIGINT ? EXIT.OK : code
}
