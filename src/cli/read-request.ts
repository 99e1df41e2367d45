/** `kubectl intercept …` → `InterceptRequest`: every value checked before anything is dialled. */
import type { PortMapping } from '../resolve/types.ts'
import type { InterceptRequest, Share } from '../session/request.ts'
import type { CommandContext } from './context.ts'
import { FILTER_NAMES, refuseContradictions } from './contradictions.ts'
import type { ParsedArgs } from './parse.ts'
import { checkCommand } from './read-command.ts'
import { readCredentials, readManual, readVia } from './read-tunnel.ts'
import { badUsage, NAME_ONE, quoted } from './usage-error.ts'
import { readChoice, readDuration, readPercent, readWhole } from './values.ts'

/** Throws BAD_USAGE. */
export async function readInterceptRequest(
  { args, io, config }: Pick<CommandContext, 'args' | 'io' | 'config'>,
  parsePort: (text: string) => PortMapping
): Promise<InterceptRequest> {
  refuseContradictions(args, io)
  checkCommand(args)
  const manual = await readManual(args, io)
  if (manual === undefined && args.words.length === 0 && !args.on('all')) throw badUsage('no target was named', NAME_ONE)
  const dryRun = readDryRun(args)
  return {
    targets: [...args.words],
    all: args.on('all'),
    allNamespaces: args.on('all-namespaces'),
    selector: args.text('selector'),
    ports: [...(config?.ports ?? []).map(text => ({ ...parsePort(text), ifThere: true as const })), ...args.all('port').map(parsePort)],
    share: readShare(args),
    filter: await readFilter(args),
    mirror: readMirror(args),
    via: readVia(args),
    manual,
    credentials: await readCredentials(args, io),
    fallback: !args.on('no-fallback'),
    returnLimit: readWhole({ flag: '--return-limit', text: args.text('return-limit') ?? '200' }, { min: 1, max: 100_000, example: 200 }),
    onPause: readChoice({ flag: '--on-pause', text: args.text('on-pause') ?? 'wait' }, ['wait', 'cluster']),
    waitForLocal: !args.on('no-wait'),
    throughLaptop: args.on('through-laptop'),
    graceMs: readDuration({ flag: '--grace', text: args.text('grace') ?? '10s' }),
    requireAll: args.on('require-all'),
    probePath: readProbePath(args.text('probe-path') ?? '/'),
    manner: readManner(args),
    dryRun,
    confirmed: args.on('yes')
  }
}

function readManner(args: ParsedArgs): InterceptRequest['manner'] {
  if (args.on('takeover') && args.on('join'))
    throw badUsage(
      '--takeover asks the other session to leave, and --join stays beside it',
      'choose one: kubectl intercept svc/nginx --takeover'
    )
  if (args.on('takeover') && args.text('tunnel-server') !== undefined)
    throw badUsage(
      '--takeover asks by a Lease of the cluster, and --tunnel-server asks no cluster, so nobody would be asked to leave',
      'leave --takeover out; among several at weight 255 the server shares the visitors'
    )
  if (args.on('takeover') && args.text('mirror') !== undefined)
    throw badUsage(
      '--takeover asks another session to give up its visitors, and --mirror takes none',
      'choose one: kubectl intercept svc/nginx --mirror'
    )
  return args.on('takeover') ? 'takeover' : args.on('join') ? 'join' : 'refuse'
}

/** Regular expressions cost a start 5 ms, so only who matches reads them. */
async function readFilter(args: ParsedArgs): Promise<InterceptRequest['filter']> {
  if (FILTER_NAMES.every(name => args.all(name).length === 0)) return undefined
  const { filterFromFlags } = await import('../filter/flags.ts')
  return filterFromFlags({ headers: args.all('header'), paths: args.all('path'), methods: args.all('method'), hosts: args.all('host') })
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

function readMirror(args: ParsedArgs): InterceptRequest['mirror'] {
  const text = args.text('mirror')
  const names = args.all('ignore-header')
  if (text === undefined) {
    if (names.length === 0) return undefined
    throw badUsage('--ignore-header is about compared answers, and nothing is compared', 'write it with --mirror, or leave it out')
  }
  const wrong = names.find(name => !HEADER_NAME.test(name))
  if (wrong !== undefined) {
    throw badUsage(`--ignore-header must be the name of a header, not ${quoted(wrong)}`, 'for example: --ignore-header X-Served-By')
  }
  if (args.text('capture') === 'off')
    throw badUsage('--mirror compares answers, and --capture off looks at none', 'leave one of the two out')
  return { rate: readPercent({ flag: '--mirror=', text }), ignored: new Set(names.map(name => name.toLowerCase())) }
}

function readShare(args: ParsedArgs): Share {
  const split = args.text('split')
  if (split !== undefined) return { kind: 'split', share: readPercent({ flag: '--split', text: split }) }
  const weight = args.text('weight') ?? '255'
  return { kind: 'weight', weight: readWhole({ flag: '--weight', text: weight }, { min: 1, max: 255, example: 255 }) }
}

function readDryRun(args: ParsedArgs): boolean {
  const text = args.text('dry-run') ?? 'none'
  if (text === 'server')
    throw badUsage(
      '--dry-run=server is not needed: nothing in the cluster is changed but who intercepts what',
      'write kubectl intercept TARGET --dry-run'
    )
  return readChoice({ flag: '--dry-run', text }, ['client', 'none']) === 'client'
}

function readProbePath(text: string): string {
  if (!/^\/[\u0021-\u007e]*$/.test(text))
    throw badUsage(`--probe-path must be a path, not ${quoted(text)}`, 'for example: --probe-path /healthz')
  return text
}
