/** One command's part of the command line, parsed by yargs with options made from the flag table. Values stay text: `values.ts` reads them. */
import type { Options } from 'yargs'
import type { FlagSpec } from './flag-spec.ts'
import { flagsOf, type ListName, type ScalarName, type SwitchName } from './flags.ts'
import type { RoutedArgv } from './route-argv.ts'

export interface ParsedArgs {
  /** What is no flag: targets, a topic. */
  readonly words: readonly string[]
  readonly child: readonly string[] | undefined
  on(name: SwitchName): boolean
  /** The last one, when given more than once. */
  text(name: ScalarName): string | undefined
  all(name: ListName): readonly string[]
}

const optionOf = (flag: FlagSpec): Options =>
  flag.arity === 'none' ? { type: 'boolean' } : flag.arity === 'many' ? { type: 'string', array: true } : { type: 'string' }

export async function parse({ command, args, child }: RoutedArgv): Promise<ParsedArgs> {
  const { default: yargs } = await import('yargs')
  const options = Object.fromEntries(flagsOf(command).map(flag => [flag.name, optionOf(flag)]))
  const parsed: Record<string, unknown> = await yargs([...args])
    .parserConfiguration({
      'populate--': true,
      'greedy-arrays': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'boolean-negation': false,
      'camel-case-expansion': false
    })
    .help(false)
    .version(false)
    .locale('en')
    .exitProcess(false)
    .options(options)
    .parseAsync()
  const values = (name: string): unknown[] => {
    const value = parsed[name]
    return value === undefined ? [] : Array.isArray(value) ? value : [value]
  }
  return {
    words: values('_').map(String),
    child,
    on: name => values(name).at(-1) === true,
    text: name => {
      const last = values(name).at(-1)
      return typeof last === 'string' ? last : undefined
    },
    all: name => values(name).map(String)
  }
}
