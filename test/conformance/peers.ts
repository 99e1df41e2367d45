/** Who may stand at either end of a tunnel: our server, sidecar and session, and two stock gosts, each started the same way. */
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { silent } from '../../src/base/log.ts'
import type { Dial } from '../../src/base/connection.ts'
import type { Carrier } from '../../src/discovery/types.ts'
import { overCarrier } from '../../src/route/carrier.ts'
import { startServer } from '../../src/server/run-server.ts'
import { startSidecar } from '../../src/server/sidecar.ts'
import { dialTcp } from '../../src/transport/tcp.ts'
import { runCli } from '../cli/run-cli.ts'
import { eventually } from '../harness/eventually.ts'
import { type GostVersion, startGostClient, startGostServer } from '../harness/gost.ts'

export type ServerKind = 'ours' | GostVersion
/** `sidecar`: connector and splice. `session`: the whole `kubectl intercept`, in this process. */
export type ConnectorKind = 'sidecar' | 'session' | GostVersion

export const WS_PATH = '/proxy'
const certificate = (name: string): string => readFileSync(new URL(`../fixtures/certs/${name}`, import.meta.url), 'utf8')

export interface TestServer extends AsyncDisposable {
  readonly tunnelPort: number
  readonly entrypointPort: number
  /** Undefined while it is well; else what happened. */
  trouble(): string | undefined
  /** How many connectors it has taken for this tunnel so far. A stock server answers a bind before it does. */
  taken(tunnelId: string): number
  stop(): Promise<void>
}

export interface ServerSetup {
  carrier: Carrier
  hosts: readonly (readonly [host: string, tunnelId: string])[]
  wildcard?: readonly [domain: string, tunnelId: string]
  auth?: { user: string; password: string }
}

export async function startTestServer(kind: ServerKind, setup: ServerSetup): Promise<TestServer> {
  const { carrier, hosts, wildcard, auth } = setup
  if (kind === 'ours') {
    const all = wildcard === undefined ? hosts : [...hosts, [`*.${wildcard[0]}`, wildcard[1]] as const]
    const server = await startServer({
      tunnel: {
        host: '127.0.0.1',
        port: 0,
        carrier,
        path: WS_PATH,
        ...(carrier === 'tls' || carrier === 'wss' ? { tls: { cert: certificate('server.pem'), key: certificate('server.key') } } : {})
      },
      entrypoints: [{ host: '127.0.0.1', port: 0 }],
      rules: all.map(([host, tunnelId]) => ({ host, tunnelId })),
      ...(auth === undefined ? {} : { credentials: [auth] })
    })
    const stop = (): Promise<void> => server.close()
    return { ...ports(server), trouble: () => undefined, taken: () => Infinity, stop, [Symbol.asyncDispose]: stop }
  }
  const gost = await startGostServer({
    version: kind,
    hosts,
    transport: carrier,
    path: WS_PATH,
    logLevel: 'debug',
    ...(wildcard === undefined ? {} : { wildcard }),
    ...(auth === undefined ? {} : { auth: `${auth.user}:${auth.password}` })
  })
  const trouble = (): string | undefined => (gost.status() === undefined ? panicIn(gost.log()) : `ended with status ${gost.status()}`)
  const taken = (tunnelId: string): number =>
    gost
      .log()
      .split(`tunnel=${tunnelId}, connector=`)
      .filter(part => / established/.test(part.slice(0, 100))).length
  return { ...ports(gost), trouble, taken, stop: () => gost.stop(), [Symbol.asyncDispose]: () => gost.stop() }
}

const ports = ({ tunnelPort, entrypointPort }: { tunnelPort: number; entrypointPort: number }) => ({ tunnelPort, entrypointPort })
const panicIn = (log: string): string | undefined => (/panic|fatal error|DATA RACE/.test(log) ? log.slice(-2_000) : undefined)

export interface TestConnector extends AsyncDisposable {
  /** How often it lost its server so far. */
  losses(): number
  trouble(): string | undefined
  /** Of a session: what it said. */
  events(): SessionEvent[]
  stop(): Promise<void>
}

export interface SessionEvent {
  type: string
  to?: string
  message?: string
}

export interface ConnectorSetup {
  carrier: Carrier
  tunnelPort: number
  tunnelId: string
  /** On loopback. */
  appPort: number
  weight?: number
  auth?: { user: string; password: string }
  path?: string
}

export const dialTunnel = ({
  carrier,
  tunnelPort,
  path: wsPath = WS_PATH
}: Pick<ConnectorSetup, 'carrier' | 'tunnelPort' | 'path'>): Dial =>
  overCarrier(dialTcp({ host: '127.0.0.1', port: tunnelPort }), { carrier, path: wsPath, hostHeader: undefined, tls: undefined })

/** Resolves when it is bound; rejects with what it said when it cannot be. */
export function startTestConnector(kind: ConnectorKind, setup: ConnectorSetup): Promise<TestConnector> {
  if (kind === 'sidecar') return startOurs(setup)
  return kind === 'session' ? startSession(setup) : startStock(kind, setup)
}

async function startOurs(setup: ConnectorSetup): Promise<TestConnector> {
  const { tunnelId, appPort, weight = 1, auth } = setup
  let losses = 0
  const { promise: refused, reject } = Promise.withResolvers<never>()
  const sidecar = startSidecar({
    dial: dialTunnel(setup),
    tunnelId,
    weight,
    target: { host: '127.0.0.1', port: appPort },
    log: silent,
    ...(auth === undefined ? {} : { auth }),
    connector: {
      onChange({ to, error }) {
        if (to !== 'lost') return
        losses += 1
        reject(error)
      }
    }
  })
  const stop = (): Promise<void> => sidecar.close()
  try {
    // A sidecar asks again for ever; here the first answer counts.
    await Promise.race([sidecar.ready, refused])
  } catch (error) {
    await stop()
    throw error
  }
  refused.catch(() => {}) // a later loss is counted
  return { losses: () => losses, trouble: () => undefined, events: () => [], stop, [Symbol.asyncDispose]: stop }
}

async function startSession({
  carrier,
  tunnelPort,
  tunnelId,
  appPort,
  weight = 1,
  auth,
  path: wsPath = WS_PATH
}: ConnectorSetup): Promise<TestConnector> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'ki-'))
  const signals = new EventEmitter()
  let output = (): string => ''
  const url = `${carrier}://127.0.0.1:${tunnelPort}${wsPath}`
  const argv = [
    '--tunnel-server',
    url,
    '--tunnel-id',
    tunnelId,
    '--port',
    String(appPort),
    '--weight',
    String(weight),
    '-o',
    'json',
    '--grace',
    '0s'
  ]
  let code: number | undefined
  let stopped = false
  const ended = runCli([...argv, ...(auth === undefined ? [] : ['--tunnel-auth', `${auth.user}:${auth.password}`])], {
    home,
    signals,
    onStart: io => {
      output = () => (io.stdout as unknown as { text: string }).text
    }
  }).then(result => {
    code = result.code
    return result
  })
  const events = (): SessionEvent[] =>
    output()
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as SessionEvent)
  const states = (to: string): number => events().filter(event => event.type === 'connector.state' && event.to === to).length
  const stop = async (): Promise<void> => {
    stopped = true
    signals.emit('SIGINT')
    signals.emit('SIGINT')
    await ended
    await rm(home, { recursive: true, force: true })
  }
  await eventually(() => code !== undefined || states('bound') > 0, { timeoutMs: 10_000 })
  if (code !== undefined) {
    const { stderr, stdout } = await ended
    await rm(home, { recursive: true, force: true })
    throw new Error(`${stderr}${stdout}`)
  }
  const trouble = (): string | undefined => (stopped || code === undefined ? undefined : `ended with ${code}: ${output().slice(-2_000)}`)
  return { losses: () => states('lost'), trouble, events, stop, [Symbol.asyncDispose]: stop }
}

async function startStock(version: GostVersion, setup: ConnectorSetup): Promise<TestConnector> {
  const { carrier, tunnelPort, tunnelId, appPort, weight, auth, path: wsPath = WS_PATH } = setup
  const gost = await startGostClient({
    version,
    serverPort: tunnelPort,
    tunnelId,
    target: `127.0.0.1:${appPort}`,
    transport: carrier,
    path: wsPath,
    waitForBind: false,
    ...(weight === undefined ? {} : { weight }),
    ...(auth === undefined ? {} : { auth: `${auth.user}:${auth.password}` })
  })
  const binds = (): number => gost.log().match(/create tunnel on .* OK/g)?.length ?? 0
  const failure = (): string | undefined =>
    gost
      .log()
      .split('\n')
      .find(line => /retrying in|level":"(?:error|fatal)"/.test(line))
  let stopped = false
  const stop = (): Promise<void> => {
    stopped = true
    return gost.stop()
  }
  try {
    await eventually(() => binds() > 0 || failure() !== undefined || gost.status() !== undefined, { timeoutMs: 10_000 })
    if (binds() === 0) throw new Error(failure() ?? gost.log())
  } catch (error) {
    await stop()
    throw error
  }
  const trouble = (): string | undefined =>
    stopped || gost.status() === undefined ? panicIn(gost.log()) : `ended with status ${gost.status()}`
  return { losses: () => binds() - 1, trouble, events: () => [], stop, [Symbol.asyncDispose]: stop }
}
