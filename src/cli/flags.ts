/**
 * THE flag table: parsing, help and docs/cli.md read it. A flag has one meaning and one arity wherever it appears, so that the first word of a
 * command line is found before its command is known. Flags of later versions are in `later.ts`.
 */
import { ACCESS_FLAGS } from './access-flags.ts'
import type { CommandName } from './command-names.ts'
import { ENVIRONMENT_FLAGS } from './environment-flags.ts'
import { FILTER_FLAGS } from './filter-flags.ts'
import { MIRROR_FLAGS } from './mirror-flags.ts'
import type { FlagSpec } from './flag-spec.ts'
import { KUBECTL_FLAGS } from './kubectl-flags.ts'
import { REPLAY_FLAGS } from './replay-flags.ts'
import { SESSION_FLAGS } from './session-flags.ts'
import { TUNNEL_FLAGS } from './tunnel-flags.ts'

export const FLAGS = [
  ...SESSION_FLAGS,
  ...FILTER_FLAGS,
  ...MIRROR_FLAGS,
  ...TUNNEL_FLAGS,
  ...REPLAY_FLAGS,
  ...ENVIRONMENT_FLAGS,
  ...ACCESS_FLAGS,
  {
    name: 'output',
    short: 'o',
    arity: 'one',
    commands: ['intercept', 'list', 'replay', 'env', 'version', 'demo'],
    argument: 'FORMAT',
    summary:
      'tui, plain or json for sessions (json: one event per line); wide, json, yaml or name for list; dotenv, docker, compose, sh, csh, cmd, ps, json or wide for env; json or yaml for version',
    default: 'tui on a terminal, else plain; a table for list, dotenv for env',
    inCommand: {
      intercept: { summary: 'tui: the screen; plain: lines; json: one event per line', default: 'tui on a terminal, else plain' },
      demo: { summary: 'plain: a story; tui: the screen; json: one event per line', default: 'plain' },
      replay: { summary: 'plain, or json: one event per line', default: 'plain' },
      list: { summary: 'wide, json, yaml or name', default: 'a table' },
      env: { summary: 'dotenv, docker, compose, sh, csh, cmd, ps or json; wide: a table with the source of each', default: 'dotenv' },
      version: { summary: 'json or yaml', default: 'one line' }
    },
    config: 'output'
  },
  {
    name: 'all',
    arity: 'none',
    commands: ['intercept', 'leave'],
    summary: 'every tunnel of the namespace, or every running session (leave)',
    inCommand: {
      intercept: { summary: 'every tunnel of the namespace' },
      leave: { summary: 'every running session of this user on this machine' }
    },
    config: 'never'
  },
  {
    name: 'all-namespaces',
    short: 'A',
    arity: 'none',
    commands: ['intercept', 'list'],
    summary: 'look in every namespace',
    config: 'never'
  },
  {
    name: 'selector',
    short: 'l',
    arity: 'one',
    commands: ['intercept', 'list'],
    argument: 'SELECTOR',
    summary: 'only workloads whose pods have these labels, as in kubectl get',
    config: 'never'
  },
  {
    name: 'yes',
    short: 'y',
    arity: 'none',
    commands: ['intercept'],
    summary: 'do not ask before --all starts',
    config: 'never'
  },
  { name: 'watch', short: 'w', arity: 'none', commands: ['list'], summary: 'print the table again at every change', config: 'never' },
  { name: 'no-headers', arity: 'none', commands: ['list', 'env'], summary: 'leave out the heading of the table', config: 'never' },
  { name: 'keep', arity: 'none', commands: ['demo'], summary: 'go on intercepting after the story, until Ctrl-C', config: 'never' },
  { name: 'help', short: 'h', arity: 'none', commands: 'all', summary: 'help for the command', config: 'never' },
  { name: 'version', arity: 'none', commands: 'all', summary: 'the version, as `kubectl intercept version`', config: 'never' },
  ...KUBECTL_FLAGS
] as const satisfies readonly FlagSpec[]

type Row = (typeof FLAGS)[number]
export type FlagName = Row['name']
export type SwitchName = Extract<Row, { arity: 'none' }>['name']
export type ScalarName = Extract<Row, { arity: 'one' | 'optional' }>['name']
export type ListName = Extract<Row, { arity: 'many' }>['name']

const BY_NAME: ReadonlyMap<string, FlagSpec> = new Map(FLAGS.map((flag: FlagSpec) => [flag.name, flag]))
const BY_SHORT: ReadonlyMap<string, FlagSpec> = new Map(
  FLAGS.flatMap((flag: FlagSpec) => (flag.short === undefined ? [] : [[flag.short, flag] as const]))
)

export const flagNamed = (name: string): FlagSpec | undefined => BY_NAME.get(name)
export const flagWithLetter = (letter: string): FlagSpec | undefined => BY_SHORT.get(letter)

export const belongsTo = (flag: FlagSpec, command: CommandName): boolean =>
  flag.commands === 'global' || flag.commands === 'all' || flag.commands.includes(command)

export const flagsOf = (command: CommandName): FlagSpec[] => FLAGS.filter((flag: FlagSpec) => belongsTo(flag, command))

/** `-p, --port`, as people see it. */
export const spelled = (flag: FlagSpec): string =>
  flag.name === flag.short ? `-${flag.name}` : flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`
