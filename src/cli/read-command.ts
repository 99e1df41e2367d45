/** Rules of `-- COMMAND`: what it needs, and what cannot stand beside it. */
import type { ParsedArgs } from './parse.ts'
import { badUsage, quoted } from './usage-error.ts'

const EXAMPLE = 'kubectl intercept svc/shop --port 3000 -- node app.js'

/** Throws BAD_USAGE. */
export function checkCommand(args: ParsedArgs): void {
  if (args.all('mount').length > 0 && args.words.length !== 1)
    throw badUsage(
      '--mount has the files of one container, so that one target must be named',
      'for example: kubectl intercept svc/shop --mount ./pod'
    )
  if (args.child === undefined) {
    if (args.text('log-to') !== undefined)
      throw badUsage(
        '--log-to says where a command writes, and there is none',
        `for example: ${EXAMPLE.replace(' --', ' --log-to app.log --')}`
      )
    for (const flag of ['forward', 'listen', 'via-pod'] as const)
      if (flag === 'forward' ? args.all(flag).length > 0 : args.text(flag) !== undefined)
        throw badUsage(
          `--${flag} is for the calls of a command, and there is none`,
          `add one after --, or use kubectl intercept access --${flag}`
        )
    return
  }
  const [first] = args.child
  if (first === undefined) throw badUsage('nothing stands after --', `for example: ${EXAMPLE}`)
  if (args.on('all') || args.words.length > 1)
    throw badUsage(`${quoted(first)} has the environment of one container, so that one target must be named`, `for example: ${EXAMPLE}`)
  if (args.on('no-wait'))
    throw badUsage('--no-wait fails while the port is closed, and a command opens it only after it has started', 'leave --no-wait out')
  if (args.text('output') === 'json')
    throw badUsage('-o json needs stdout, which belongs to the command', 'write the events beside it: --events FILE')
  if (args.text('output') === 'tui' && args.text('log-to') === undefined)
    throw badUsage('the screen needs the terminal that the command writes to', 'say where that goes instead: -o tui --log-to app.log')
}
