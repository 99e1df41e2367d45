/** `kubectl intercept …` → `InterceptRequest`: every rule about which flags go together, and every value checked, before anything is dialled. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { errnoOf } from '../base/errors.ts'
import type { Auth } from '../discovery/types.ts'
import type { PortMapping } from '../resolve/types.ts'
import type { InterceptRequest, ManualTunnel, Share, TunnelCredentials, ViaRequest } from '../session/request.ts'
import type { CommandContext } from './context.ts'
import type { Io } from './io.ts'
import type { ParsedArgs } from './parse.ts'
import { checkCommand } from './read-command.ts'
import { badUsage, NAME_ONE, quoted } from './usage-error.ts'
import { readChoice, readDuration, readPercent, readUrl, readUuid, readWhole } from './values.ts'

const CARRIERS = ['ws', 'wss', 'tls', 'tcp', 'http', 'https']
const TUNNEL_SCHEMES = [...CARRIERS, ...CARRIERS.map(name => `tunnel+${name}`), 'tunnel']
const SHARE_FLAGS = ['weight', 'split'] as const
const FILTER_NAMES = ['header', 'path', 'method', 'host'] as const
const EXAMPLE_SERVER = 'ws://203.0.113.7:8421/proxy'

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

/** A value that was written with a blank before it stands among the targets. */
function refuseStrayValues({ words, text }: ParsedArgs): void {
  const part = words.find(word => /^\d{1,3}(?:\.\d+)?%$/.test(word))
  if (part !== undefined && text('mirror') !== undefined)
    throw badUsage(`${quoted(part)} would be a target: the part that --mirror copies stands behind =`, `write --mirror=${part}`)
  if (part !== undefined)
    throw badUsage(`${quoted(part)} is no target`, `a share of the visitors: --split ${part}; of copies: --mirror=${part}`)
  const mode = words.find(word => word === 'client' || word === 'server' || word === 'none')
  if (mode !== undefined && words.length > 1 && text('dry-run') !== undefined)
    throw badUsage(`${quoted(mode)} would be a target: the value of --dry-run stands behind =`, 'write --dry-run, or --dry-run=client')
}

function refuseContradictions(args: ParsedArgs, io: Io): void {
  refuseStrayValues(args)
  const named = args.words.length > 0
  if (args.on('all') && named) {
    throw badUsage(
      `--all takes every tunnel and cannot be combined with ${quoted(args.words[0] ?? '')}`,
      'choose one: kubectl intercept --all, or kubectl intercept TARGET'
    )
  }
  if (args.text('tunnel-server') !== undefined && (named || args.on('all'))) {
    throw badUsage(
      '--tunnel-server replaces the discovery and takes no TARGET',
      `leave the target out: kubectl intercept --tunnel-server ${EXAMPLE_SERVER} --tunnel-id UUID --port 8080`
    )
  }
  if (args.text('weight') !== undefined && args.text('split') !== undefined) {
    throw badUsage('--weight and --split say the same thing in two ways', 'choose one: kubectl intercept svc/nginx --split 25%')
  }
  const share = SHARE_FLAGS.find(name => args.text(name) !== undefined)
  const filter = FILTER_NAMES.find(name => args.all(name).length > 0)
  if (share !== undefined && filter !== undefined) {
    throw badUsage(
      `--${filter} takes every request that matches, and --${share} a part of all of them`,
      `choose one: kubectl intercept svc/nginx --${filter} ${filter === 'header' ? "'X-User: ada'" : "'*'"}`
    )
  }
  if (share !== undefined && args.text('mirror') !== undefined) {
    throw badUsage(
      `--${share} takes visitors, and --mirror leaves them all in the cluster`,
      'copy a part of the requests: kubectl intercept svc/nginx --mirror=25%'
    )
  }
  if (!args.on('all') && (args.on('all-namespaces') || args.text('selector') !== undefined)) {
    throw badUsage('-A and -l choose tunnels for --all', 'write kubectl intercept --all -A, or name a target with -n NAMESPACE')
  }
  if (args.on('all') && !args.on('yes') && args.text('dry-run') === undefined && io.stdin.isTTY !== true) {
    throw badUsage(
      '--all asks before it starts, and there is no terminal to ask on',
      'write kubectl intercept --all --yes, or see the plan with --dry-run'
    )
  }
}

function readManner(args: ParsedArgs): InterceptRequest['manner'] {
  if (args.on('takeover') && args.on('join'))
    throw badUsage(
      '--takeover asks the other session to leave, and --join stays beside it',
      'choose one: kubectl intercept svc/nginx --takeover'
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

function readVia(args: ParsedArgs): ViaRequest {
  const text = args.text('via') ?? 'auto'
  if (text.includes('://')) return { kind: 'url', url: readServerUrl({ flag: '--via', text }).href }
  if (/^(?:auto|ingress|port-forward|service-proxy)$/.test(text)) {
    return { kind: readChoice({ flag: '--via', text }, ['auto', 'ingress', 'port-forward', 'service-proxy']) }
  }
  throw badUsage(
    `--via must be auto, ingress, port-forward, service-proxy or a URL, not ${quoted(text)}`,
    `for example: --via port-forward, or --via ${EXAMPLE_SERVER}; all flags: kubectl intercept --help`
  )
}

/** gost's own spelling (`tunnel+ws://`) is fine too; the message names the plain ones. */
function readServerUrl(typed: { flag: string; text: string }): URL {
  const gost = TUNNEL_SCHEMES.some(scheme => typed.text.toLowerCase().startsWith(`${scheme}://`))
  return readUrl(typed, gost ? TUNNEL_SCHEMES : CARRIERS.slice(0, 4), EXAMPLE_SERVER)
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

async function readManual(args: ParsedArgs, io: Io): Promise<ManualTunnel | undefined> {
  const server = args.text('tunnel-server')
  if (server === undefined) {
    for (const name of ['tunnel-id', 'entrypoint'] as const) {
      if (args.text(name) === undefined) continue
      throw badUsage(`--${name} belongs to --tunnel-server`, `add --tunnel-server ${EXAMPLE_SERVER}; all flags: kubectl intercept --help`)
    }
    return undefined
  }
  const url = readServerUrl({ flag: '--tunnel-server', text: server })
  const given = args.text('tunnel-id')
  const id = given === undefined ? io.env['INTERCEPT_TUNNEL_ID'] : await textOrFile({ flag: '--tunnel-id', text: given }, io)
  if (id === undefined || id === '') {
    throw badUsage('--tunnel-server needs the tunnel to join', 'add --tunnel-id UUID or --tunnel-id @FILE, or set INTERCEPT_TUNNEL_ID')
  }
  const entrypoint = args.text('entrypoint')
  return {
    server: url.href,
    tunnelId: readUuid({ flag: given === undefined ? 'INTERCEPT_TUNNEL_ID' : '--tunnel-id', text: id }),
    entrypoint:
      entrypoint === undefined
        ? undefined
        : readUrl({ flag: '--entrypoint', text: entrypoint }, ['http', 'https', 'tcp', 'tls'], 'http://203.0.113.7').href
  }
}

async function readCredentials(args: ParsedArgs, io: Io): Promise<TunnelCredentials> {
  const given = args.text('tunnel-auth')
  const auth = given === undefined ? io.env['INTERCEPT_TUNNEL_AUTH'] : await textOrFile({ flag: '--tunnel-auth', text: given }, io)
  const ca = args.text('tunnel-ca')
  return {
    auth: auth === undefined || auth === '' ? undefined : readAuth(auth),
    ca: ca === undefined ? undefined : await readPem({ flag: '--tunnel-ca', text: ca }, io),
    ...(await readClientCertificate(args, io))
  }
}

async function readClientCertificate(args: ParsedArgs, io: Io): Promise<Pick<TunnelCredentials, 'cert' | 'key'>> {
  const [cert, key] = [args.text('tunnel-cert'), args.text('tunnel-key')]
  if (cert === undefined && key === undefined) return { cert: undefined, key: undefined }
  if (cert === undefined || key === undefined)
    throw badUsage('a client certificate and its key belong together', 'give both: --tunnel-cert FILE --tunnel-key FILE')
  return {
    cert: await readPem({ flag: '--tunnel-cert', text: cert }, io),
    key: await readPem({ flag: '--tunnel-key', text: key }, io)
  }
}

/** The text is a secret and stays out of the message. */
function readAuth(text: string): Auth {
  const line = text.trim()
  const colon = line.indexOf(':')
  if (colon < 1)
    throw badUsage(
      'the credentials of the tunnel server must be USER:PASSWORD',
      'for example: --tunnel-auth @FILE with one line user:password'
    )
  return { user: line.slice(0, colon), password: line.slice(colon + 1) }
}

const textOrFile = async (typed: { flag: string; text: string }, io: Io): Promise<string> =>
  typed.text.startsWith('@') ? readText({ flag: typed.flag, text: typed.text.slice(1) }, io) : typed.text

async function readPem(typed: { flag: string; text: string }, io: Io): Promise<string> {
  const text = await readText(typed, io)
  if (!text.includes('-----BEGIN '))
    throw badUsage(`${typed.flag}: ${quoted(typed.text)} holds no PEM block`, 'give a file that has a line -----BEGIN …-----')
  return text
}

async function readText({ flag, text }: { flag: string; text: string }, io: Io): Promise<string> {
  try {
    return await readFile(path.resolve(io.cwd, text), 'utf8')
  } catch (error) {
    throw badUsage(
      `${flag}: ${quoted(text)} cannot be read (${errnoOf(error) ?? 'unknown reason'})`,
      `see whether it is there: ls -l ${text}`
    )
  }
}

function readProbePath(text: string): string {
  if (!/^\/[\u0021-\u007e]*$/.test(text))
    throw badUsage(`--probe-path must be a path, not ${quoted(text)}`, 'for example: --probe-path /healthz')
  return text
}
