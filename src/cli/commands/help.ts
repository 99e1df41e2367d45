/** `kubectl intercept help [COMMAND]`. */
import { nearest } from '../../base/format.ts'
import { COMMAND_NAMES, isCommandName } from '../command-names.ts'
import type { CommandContext } from '../context.ts'
import { renderHelp } from '../help.ts'
import { badUsage, quoted } from '../usage-error.ts'

export async function run({ io, args }: CommandContext): Promise<number> {
  const [topic = 'intercept'] = args.words
  if (!isCommandName(topic)) {
    const [near] = nearest(topic, COMMAND_NAMES, 1)
    const hint = near === undefined ? 'the commands: kubectl intercept help' : `did you mean kubectl intercept help ${near}?`
    throw badUsage(`there is no command ${quoted(topic)}`, hint)
  }
  io.stdout.write(renderHelp(topic, io.stdout.columns))
  return 0
}
