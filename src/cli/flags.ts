/**
 * THE flag table: parsing, help and docs/cli.md read it. A flag has one meaning and one arity wherever it appears, so that the first word of a
 * command line is found before its command is known. Flags of later versions are in `later.ts`.
 */
import type { CommandName } from './command-names.ts'
import { KUBECTL_FLAGS } from './kubectl-flags.ts'

/** `none`: a switch (`--all`, `--all=false`). `one`, `many`: takes a value, `many` may repeat. `optional`: a value only after `=`. */
export type Arity = 'none' | 'one' | 'many' | 'optional'

export interface FlagSpec {
  readonly name: string
  readonly short?: string
  readonly arity: Arity
  /** `global`: kubectl's own, accepted by every command. `all`: every command that parses flags. */
  readonly commands: 'global' | 'all' | readonly CommandName[]
  readonly summary: string
  readonly argument?: string
  /** As the documentation shows it. */
  readonly default?: string
  /** What the help of a command says instead, where it means something of its own there. */
  readonly inCommand?: Partial<Readonly<Record<CommandName, { readonly summary: string; readonly default?: string }>>>
  /** Key in `.kubectl-intercept.yaml`; `never` where a file from a cloned repository must not decide. */
  readonly config: string
  /** Accepted because kubectl has it, without effect here. */
  readonly unused?: true
}

const SESSION = ['intercept'] as const

export const FLAGS = [
  {
    name: 'port',
    short: 'p',
    arity: 'many',
    commands: SESSION,
    argument: '[NAME=]LOCAL[:REMOTE]',
    summary: 'where the local app listens (port or host:port); REMOTE selects the tunnel by Service or container port, NAME the target',
    default: "the app's port in the pod",
    config: 'port'
  },
  {
    name: 'weight',
    arity: 'one',
    commands: SESSION,
    argument: 'N',
    summary: 'connector weight 1…255; 255 takes all visitors, less shares them with the sidecars',
    default: '255',
    config: 'weight'
  },
  {
    name: 'split',
    arity: 'one',
    commands: SESSION,
    argument: 'PERCENT',
    summary:
      'take this share of the visitors, 1…100; the rest stays in the cluster. A running session is changed with: kubectl intercept set split=PERCENT',
    config: 'split'
  },
  {
    name: 'via',
    arity: 'one',
    commands: SESSION,
    argument: 'ROUTE',
    summary: 'way to the tunnel server: auto, ingress, port-forward, service-proxy or a ws:// or wss:// URL',
    default: 'auto',
    config: 'never'
  },
  {
    name: 'tunnel-server',
    arity: 'one',
    commands: SESSION,
    argument: 'URL',
    summary: 'tunnel server to dial, without any discovery in a cluster (with --tunnel-id)',
    config: 'never'
  },
  {
    name: 'tunnel-id',
    arity: 'one',
    commands: SESSION,
    argument: 'UUID|@FILE',
    summary: 'tunnel to join; also from INTERCEPT_TUNNEL_ID',
    config: 'never'
  },
  {
    name: 'entrypoint',
    arity: 'one',
    commands: SESSION,
    argument: 'URL',
    summary: "the server's entrypoint as visitors reach it, for the proofs (with --tunnel-server)",
    config: 'never'
  },
  {
    name: 'tunnel-auth',
    arity: 'one',
    commands: SESSION,
    argument: 'USER:PASS|@FILE',
    summary: 'credentials of the tunnel server; also from INTERCEPT_TUNNEL_AUTH',
    config: 'never'
  },
  {
    name: 'tunnel-ca',
    arity: 'one',
    commands: SESSION,
    argument: 'FILE',
    summary: 'certificates (PEM) that the tunnel server is checked against',
    config: 'never'
  },
  {
    name: 'tunnel-cert',
    arity: 'one',
    commands: SESSION,
    argument: 'FILE',
    summary: 'client certificate (PEM) for a tunnel server that wants one',
    config: 'never'
  },
  { name: 'tunnel-key', arity: 'one', commands: SESSION, argument: 'FILE', summary: 'key (PEM) of that certificate', config: 'never' },
  {
    name: 'no-fallback',
    arity: 'none',
    commands: SESSION,
    summary: 'no return path: when the local port refuses, visitors see it',
    default: 'requests go back to a pod',
    config: 'no-fallback'
  },
  {
    name: 'return-limit',
    arity: 'one',
    commands: SESSION,
    argument: 'N',
    summary: 'most requests per second on the return path before the visitors are given back',
    default: '200',
    config: 'return-limit'
  },
  {
    name: 'on-pause',
    arity: 'one',
    commands: SESSION,
    argument: 'wait|cluster',
    summary: 'when the local app accepts but does not answer (a breakpoint): visitors wait, or new requests go back to a pod',
    default: 'wait',
    config: 'on-pause'
  },
  {
    name: 'no-wait',
    arity: 'none',
    commands: SESSION,
    summary: 'fail when the local port is closed at the start, instead of waiting for it',
    default: 'wait for it',
    config: 'no-wait'
  },
  {
    name: 'through-laptop',
    arity: 'none',
    commands: ['intercept', 'set'],
    summary:
      'consent to a share that whole weights cannot express: more visitors than that pass this laptop, and the rest of them is sent back',
    default: 'asked on a terminal',
    inCommand: { set: { summary: 'consent to a share that whole weights cannot express', default: 'refused' } },
    config: 'never'
  },
  {
    name: 'capture',
    arity: 'one',
    commands: SESSION,
    argument: 'on|off',
    summary: 'off: requests are only counted, nothing of them is shown or told; for loads where every percent of CPU counts',
    default: 'on',
    config: 'capture'
  },
  {
    name: 'record',
    arity: 'one',
    commands: SESSION,
    argument: 'FILE',
    summary: 'write the traffic to FILE: .har for viewers and replay, .ndjson with all events; secret headers are masked',
    config: 'never'
  },
  {
    name: 'show-secrets',
    arity: 'none',
    commands: SESSION,
    summary: 'do not mask Authorization, Cookie and the like, on the screen, in events and recordings',
    config: 'never'
  },
  {
    name: 'to',
    arity: 'one',
    commands: ['replay'],
    argument: 'URL',
    summary: 'where to send the requests, e.g. http://localhost:8080',
    default: 'the local app of the recording',
    config: 'never'
  },
  {
    name: 'filter',
    arity: 'many',
    commands: ['replay'],
    argument: 'EXPRESSION',
    summary: 'only what matches, e.g. "method:POST and path:/api/*" (docs/filter.md)',
    config: 'never'
  },
  {
    name: 'diff',
    arity: 'none',
    commands: ['replay'],
    summary: 'compare the answers with the recorded ones; exit code 1 when one differs',
    config: 'never'
  },
  {
    name: 'set-header',
    arity: 'many',
    commands: ['replay'],
    argument: 'NAME: VALUE',
    summary: 'replace or add a header in every request; without a value leave it out',
    config: 'never'
  },
  {
    name: 'grace',
    arity: 'one',
    commands: SESSION,
    argument: 'DURATION',
    summary: 'how long running requests may take to finish at the end',
    default: '10s',
    config: 'grace'
  },
  {
    name: 'require-all',
    arity: 'none',
    commands: SESSION,
    summary: 'fail unless every replica of the tunnel server is covered',
    config: 'require-all'
  },
  {
    name: 'probe-path',
    arity: 'one',
    commands: SESSION,
    argument: 'PATH',
    summary: 'path that the last check asks for, to see that the cluster serves again',
    default: '/',
    config: 'probe-path'
  },
  {
    name: 'dry-run',
    arity: 'optional',
    commands: SESSION,
    argument: 'client',
    summary: 'print the plan (target, tunnel, server, route, weight, permissions) and stop',
    config: 'never'
  },
  {
    name: 'container',
    short: 'c',
    arity: 'one',
    commands: ['intercept', 'env'],
    argument: 'NAME',
    summary: 'container whose environment is meant',
    default: 'the app that the sidecar forwards to',
    config: 'container'
  },
  {
    name: 'env-file',
    arity: 'one',
    commands: ['intercept', 'env'],
    argument: 'FILE',
    summary: "write the environment of the target's container to this file",
    config: 'env-file'
  },
  {
    name: 'env-syntax',
    arity: 'one',
    commands: ['intercept', 'env'],
    argument: 'SYNTAX',
    summary: 'how --env-file is written: dotenv, docker, compose, sh, csh, cmd, ps or json',
    default: 'dotenv',
    config: 'env-syntax'
  },
  {
    name: 'env-json',
    arity: 'one',
    commands: ['intercept', 'env'],
    argument: 'FILE',
    summary: "write the environment of the target's container to this file, as one JSON object",
    config: 'env-json'
  },
  {
    name: 'redact',
    arity: 'none',
    commands: ['env'],
    summary: 'leave out what comes from Secrets or looks like a secret',
    config: 'never'
  },
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
    commands: SESSION,
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
