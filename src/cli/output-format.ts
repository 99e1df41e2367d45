/** `-o` of each command: what it may be, and what it is without the flag. */
import type { ParsedArgs } from './parse.ts'
import { badUsage, commandLine, quoted } from './usage-error.ts'
import { orList } from './values.ts'

const FORMATS = {
  intercept: ['plain', 'json'],
  env: ['dotenv', 'docker', 'compose', 'sh', 'csh', 'cmd', 'ps', 'json', 'wide'],
  demo: ['plain', 'json'],
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
  if (text === 'tui')
    throw badUsage('the full-screen view (-o tui) comes in a later version', 'leave -o out: -o plain is the default for now')
  throw badUsage(
    `-o must be ${choices}, not ${quoted(text)}`,
    `for example: ${commandLine(command)}${command === 'intercept' || command === 'env' ? ' svc/nginx' : ''} -o json`
  )
}
