/** The flags that say where the tunnel is and who we are to its server: `--via`, `--tunnel-…`, `--entrypoint`. All throw BAD_USAGE. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { errnoOf } from '../base/errors.ts'
import type { Auth } from '../discovery/types.ts'
import type { ManualTunnel, TunnelCredentials, ViaRequest } from '../session/request.ts'
import type { Io } from './io.ts'
import type { ParsedArgs } from './parse.ts'
import { badUsage, quoted } from './usage-error.ts'
import { readChoice, readUrl, readUuid } from './values.ts'

const CARRIERS = ['ws', 'wss', 'tls', 'tcp', 'http', 'https']
const TUNNEL_SCHEMES = [...CARRIERS, ...CARRIERS.map(name => `tunnel+${name}`), 'tunnel']
export const EXAMPLE_SERVER = 'ws://203.0.113.7:8421/proxy'

export function readVia(args: ParsedArgs): ViaRequest {
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
  return readUrl(typed, gost ? TUNNEL_SCHEMES : CARRIERS.slice(0, 4), EXAMPLE_SERVER, CARRIERS.slice(0, 4))
}

export async function readManual(args: ParsedArgs, io: Io): Promise<ManualTunnel | undefined> {
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

export async function readCredentials(args: ParsedArgs, io: Io): Promise<TunnelCredentials> {
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
