/** Help texts, made from the command and flag tables. No yargs: `--help` must be instant. */
import { COMMAND_NAMES, type CommandName } from './command-names.ts'
import { COMMANDS } from './commands.ts'
import type { FlagSpec } from './flag-spec.ts'
import { FLAGS, flagsOf, spelled } from './flags.ts'
import { type OperateCommand, operateFlagsOf } from './operate-flags.ts'

const SHOWN_COMMANDS = COMMAND_NAMES.filter(name => name !== 'intercept' && name !== 'help')

/** Ends with a newline. `columns` is the width to wrap at. */
export function renderHelp(command: CommandName, columns = 100): string {
  const width = Math.max(60, Math.min(columns, 120))
  const spec = COMMANDS[command]
  const parts = [
    wrap(`${spec.summary}.`, width),
    section(
      'Usage',
      spec.usage.map(line => `  ${line}`)
    ),
    spec.about.map(text => wrap(text, width)).join('\n'),
    section('Examples', examples(command)),
    command === 'intercept'
      ? section(
          'Commands',
          table(
            SHOWN_COMMANDS.map(name => [name, COMMANDS[name].summary] as const),
            width
          )
        )
      : '',
    section('Flags', table(runsGost(command) ? operateFlags(command) : ownFlags(command), width)),
    !runsGost(command) ? wrap(`kubectl's own flags follow the plugin name: ${kubectlFlags()}.`, width) : ''
  ]
  return `${parts.filter(text => text !== '').join('\n\n')}\n`
}

const runsGost = (command: CommandName): command is OperateCommand => command === 'server' || command === 'sidecar'

const operateFlags = (command: OperateCommand): (readonly [string, string])[] =>
  operateFlagsOf(command).map(flag => [
    `--${flag.name}${flag.argument === undefined ? '' : ` ${flag.argument}`}`,
    flag.default === undefined ? flag.summary : `${flag.summary} (default: ${flag.default})`
  ])

function examples(command: CommandName): string[] {
  return COMMANDS[command].examples.flatMap(({ command: line, summary }) => [`  # ${summary}`, `  ${line}`])
}

function ownFlags(command: CommandName): (readonly [string, string])[] {
  return flagsOf(command)
    .filter(flag => flag.commands !== 'global')
    .map(flag => {
      const said = flag.inCommand?.[command] ?? flag
      return [heading(flag), said.default === undefined ? said.summary : `${said.summary} (default: ${said.default})`] as const
    })
}

/** `-p, --port [NAME=]LOCAL`; flags without a letter are indented to the same column. */
export function heading(flag: FlagSpec): string {
  const names = flag.short === undefined || flag.short === flag.name ? `    ${spelled(flag)}` : spelled(flag)
  if (flag.argument === undefined) return names
  return flag.arity === 'optional' ? `${names}[=${flag.argument}]` : `${names} ${flag.argument}`
}

const kubectlFlags = (): string =>
  FLAGS.filter((flag: FlagSpec) => flag.commands === 'global' && flag.unused === undefined)
    .map((flag: FlagSpec) => spelled(flag).replace(', ', '/'))
    .join(' ')

const section = (title: string, lines: readonly string[]): string => (lines.length === 0 ? '' : [`${title}:`, ...lines].join('\n'))

/** Two columns; the second wraps, and starts on its own line where the first is long. */
function table(rows: readonly (readonly [string, string])[], width: number): string[] {
  const column = Math.min(26, Math.max(...rows.map(([first]) => first.length))) + 4
  return rows.flatMap(([first, second]) => {
    const lines = wrap(second, width - column).split('\n')
    const pad = ' '.repeat(column)
    const head = `  ${first}`
    if (head.length + 2 > column) return [head, ...lines.map(line => `${pad}${line}`)]
    return lines.map((line, index) => (index === 0 ? `${head.padEnd(column)}${line}` : `${pad}${line}`))
  })
}

export function wrap(text: string, width: number): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}
