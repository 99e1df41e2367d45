/**
 * Our own flags of `server` and `sidecar`, which stand beside gost's: a table of their own, since some names mean something else to `intercept`.
 * `operate-args.ts` takes them out of the command line, help and docs/server.md list them. In the file of `--config` each is a key of the same name.
 */
import type { FlagSpec } from './flag-spec.ts'

export interface OperateFlag extends Pick<FlagSpec, 'name' | 'argument' | 'summary' | 'default'> {
  /** `none`: a switch. `many` may repeat. */
  readonly arity: 'none' | 'one' | 'many'
  readonly commands: readonly OperateCommand[]
  /** Only on the command line. */
  readonly notInFile?: true
}

export type OperateCommand = 'server' | 'sidecar'

const BOTH = ['server', 'sidecar'] as const

export const OPERATE_FLAGS = [
  {
    name: 'config',
    arity: 'one',
    commands: BOTH,
    argument: 'FILE',
    summary: 'YAML file with these settings, the flags without dashes being its keys; what is typed counts more',
    notInFile: true
  },
  { name: 'check', arity: 'none', commands: BOTH, summary: 'say what would be done, and open nothing', notInFile: true },
  {
    name: 'entrypoint',
    arity: 'many',
    commands: ['server'],
    argument: '[HOST]:PORT[=UUID]',
    summary: 'one more entrypoint; with a tunnel id all that arrives there goes to that tunnel as it is: MySQL, SMTP, any TCP'
  },
  {
    name: 'health',
    arity: 'one',
    commands: BOTH,
    argument: '[HOST]:PORT',
    summary: 'address of /healthz, /readyz and /metrics, or off',
    default: 'off; :9090 for a server in our image'
  },
  {
    name: 'drain-delay',
    arity: 'one',
    commands: BOTH,
    argument: 'DURATION',
    summary: 'how long a server goes on serving after SIGTERM, not ready any more, before it drains',
    default: '5s with --health, else 0'
  },
  {
    name: 'udp-entrypoint',
    arity: 'many',
    commands: ['server'],
    argument: '[HOST]:PORT=UUID',
    summary: 'a UDP port of that tunnel, whose sidecar is an rudp one: DNS, syslog, any datagrams'
  },
  {
    name: 'entrypoint-cert',
    arity: 'one',
    commands: ['server'],
    argument: 'FILE',
    summary: 'certificate (PEM) with which entrypoints answer TLS for its names; other names are passed through by SNI'
  },
  { name: 'entrypoint-key', arity: 'one', commands: ['server'], argument: 'FILE', summary: 'its key (PEM)' },
  {
    name: 'rules',
    arity: 'one',
    commands: ['server'],
    argument: 'FILE',
    summary: 'file with further rules, a line each: HOST TUNNEL-ID; read again when it changes, as certificates are'
  },
  {
    name: 'forwarded',
    arity: 'many',
    commands: ['server'],
    argument: 'NETWORK|none',
    summary: 'tell apps who asked (X-Forwarded-*, X-Real-Ip, Forwarded), believing what a proxy in this network says of it',
    default: 'heads pass as they came'
  },
  {
    name: 'policy',
    arity: 'one',
    commands: ['server'],
    argument: 'FILE',
    summary: 'YAML file that says who may bind which tunnels, up to which weight, and with filters or copies; read again when it changes'
  },
  {
    name: 'exclusive',
    arity: 'one',
    commands: ['server'],
    argument: 'POLICY',
    summary: 'several connectors at weight 255: share, or newest: the one bound last has it alone',
    default: 'share, as gost'
  },
  {
    name: 'grace',
    arity: 'one',
    commands: BOTH,
    argument: 'DURATION',
    summary: 'how long running requests may take at the end',
    default: '10s'
  },
  {
    name: 'log-format',
    arity: 'one',
    commands: BOTH,
    argument: 'FORMAT',
    summary: 'text, or json: one object per line',
    default: 'text; json in our image'
  },
  {
    name: 'log-level',
    arity: 'one',
    commands: BOTH,
    argument: 'LEVEL',
    summary: 'error, warn, info, debug or trace',
    default: 'info; debug with -D, trace with -DD'
  }
] as const satisfies readonly OperateFlag[]

type Row = (typeof OPERATE_FLAGS)[number]
export type OperateFlagName = Row['name']
export type OperateSwitch = Extract<Row, { arity: 'none' }>['name']
export type OperateScalar = Extract<Row, { arity: 'one' }>['name']

const isOf = (flag: OperateFlag, command: OperateCommand): boolean => flag.commands.includes(command)

export const operateFlagsOf = (command: OperateCommand): (OperateFlag & { name: OperateFlagName })[] =>
  OPERATE_FLAGS.filter(flag => isOf(flag, command))
