/** `-o` of each command: what it may be, and what it is without the flag. */
import type { Io } from './io.ts'
import type { ParsedArgs } from './parse.ts'
import { badUsage, commandLine, quoted } from './usage-error.ts'
import { orList } from './values.ts'

const FORMATS = {
  intercept: ['plain', 'json', 'tui'],
  demo: ['plain', 'json', 'tui'],
  env: ['dotenv', 'docker', 'compose', 'sh', 'csh', 'cmd', 'ps', 'json', 'wide'],
  replay: ['plain', 'json'],
  list: ['table', 'wide', 'json', 'yaml', 'name'],
  version: ['text', 'json', 'yaml']
} as const
type Formats = typeof FORMATS
export type FormatOf<C extends keyof Formats> = Formats[C][number]

/** The first of a command's formats is its default and is not typed by people, `plain` excepted. */
export function formatFor<C extends keyof Formats>(command: C, args: ParsedArgs): FormatOf<C> {
  const formats: readonly FormatOf<C>[] = FORMATS[command]
  const [preset] = FORMATS[command]
  const text = args.text('output')
  if (text === undefined) return preset
  const found = formats.find(format => format === text)
  if (found !== undefined) return found
  const choices = orList(formats.filter(format => format !== 'table' && format !== 'text'))
  throw badUsage(
    `-o must be ${choices}, not ${quoted(text)}`,
    `for example: ${commandLine(command)}${command === 'intercept' || command === 'env' ? ' svc/nginx' : ''} -o json`
  )
}

/** The format of a session: the screen where a person sits in front of one, unless something else was asked for. */
export function sessionFormat(
  command: 'intercept' | 'demo',
  args: ParsedArgs,
  io: Pick<Io, 'stdin' | 'stdout' | 'env'>
): FormatOf<'intercept'> {
  const asked = args.text('output')
  const format = formatFor(command, args)
  const hasTerminal = io.stdin.isTTY === true && io.stdout.isTTY === true
  const canDraw = io.env['TERM'] !== 'dumb'
  if (format === 'tui') {
    if (!hasTerminal)
      throw badUsage('the screen (-o tui) needs a terminal for input and output', `for example: ${commandLine(command)} -o plain`)
    return canDraw ? 'tui' : 'plain'
  }
  if (asked !== undefined || command === 'demo') return format
  return hasTerminal && canDraw && (io.env['CI'] ?? '') === '' ? 'tui' : format
}
