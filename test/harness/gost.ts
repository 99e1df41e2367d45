/**
 * Real gost programs for tests, on loopback: the tunnel parts of 3.2.6 ("ga") and of the nightly (test/peers). Readiness is seen from
 * their ports and their log, never slept for. Stop what you start (`await using`, or `stop()`).
 */
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Program, startProgram } from './child.ts'
import { eventually } from './eventually.ts'
import { accepts, freePort, releasePorts } from './ports.ts'

export type GostVersion = 'ga' | 'nightly'

const PEERS = { ga: 'gost-3.2.6', nightly: 'gost-nightly' } as const
const build = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'peers', 'build')
const programs = new Map<string, string>()

/** The path of a peer's program, built when it is not in the cache; throws with the reason when it cannot be had. */
export function peerProgram(name: (typeof PEERS)[GostVersion] | 'krew' | 'chisel' | 'frp' | 'load'): string {
  const known = programs.get(name)
  if (known !== undefined) return known
  const line = execFileSync('bash', [build, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 600_000 }).trim()
  const program = line.slice(line.indexOf(' ') + 1)
  programs.set(name, program)
  return program
}

export interface GostOptions {
  version: GostVersion
  /** gost's arguments: -L …, -F …, -C …, -D. */
  args: readonly string[]
  /** Ports on loopback that must accept before it counts as started. */
  ready?: number | readonly number[]
  /** A line that its log must show before it counts as started. */
  readyLog?: RegExp
  /** gost's log level (`info`; `error` for measurements; `trace` shows every frame). */
  logLevel?: 'trace' | 'debug' | 'info' | 'warn' | 'error'
  /** How long it may take to be ready (10 s). */
  timeoutMs?: number
}

export interface Gost extends Program {
  readonly args: readonly string[]
}

/** Starts gost with these arguments and waits until it is ready; a gost that ends before that is an error with its log. */
export async function startGost(options: GostOptions): Promise<Gost> {
  const { version, args, ready = [], readyLog, logLevel = 'info', timeoutMs = 10_000 } = options
  const env = { ...process.env, GOST_LOGGER_LEVEL: logLevel }
  const program = await startProgram(peerProgram(PEERS[version]), args, { env })
  const ports = typeof ready === 'number' ? [ready] : ready
  const started = async (): Promise<boolean> => {
    if (program.status() !== undefined) return true
    if (readyLog !== undefined && !readyLog.test(program.log())) return false
    const open = await Promise.all(ports.map(port => accepts(port)))
    return open.every(Boolean)
  }
  try {
    await eventually(started, { timeoutMs, intervalMs: 10 })
    if (program.status() !== undefined) throw new Error(`gost ended with status ${program.status()}`)
  } catch (error) {
    await program.stop()
    throw new Error(`gost ${args.join(' ')} is not ready: ${String(error)}\n${program.log().slice(-2_000)}`, { cause: error })
  }
  return { ...program, args }
}

export interface GostServerOptions {
  version: GostVersion
  /** Which host goes to which tunnel: `[['nginx.local', UUID]]`; `*.nginx.local` is gost's wildcard. */
  hosts: readonly (readonly [host: string, uuid: string])[]
  /** The WebSocket path (`/proxy`). */
  path?: string
  /** gost's transport: `ws` (default), `mws`, `tls`, `tcp` (`tunnel` alone) … */
  transport?: string
  /** `entrypoint.keepalive=true`. */
  keepalive?: boolean
  /** USER:PASS that connectors must give. */
  auth?: string
  /** A further rule: every subdomain of this domain (and the domain itself) goes to that tunnel. */
  wildcard?: readonly [domain: string, uuid: string]
  /** Further parameters of the listener's URL: `{ 'entrypoint.readTimeout': '2s' }`. */
  extra?: Readonly<Record<string, string>>
  /** Ports of an earlier server, to start it again where it was. */
  tunnelPort?: number
  entrypointPort?: number
  logLevel?: GostOptions['logLevel']
}

export interface GostServer extends Gost {
  readonly tunnelPort: number
  readonly entrypointPort: number
  /** Where connectors go: `ws://127.0.0.1:PORT/proxy`. */
  readonly url: string
  /** Where visitors go: `http://127.0.0.1:PORT`; the Host header selects the tunnel. */
  readonly entrypoint: string
}

/** gost's transports that carry the WebSocket upgrade. */
const isWebSocket = (transport: string): boolean => /^m?wss?$/.test(transport)

/** Starts a stock tunnel server on two loopback ports. */
export async function startGostServer(options: GostServerOptions): Promise<GostServer> {
  const { transport = 'ws', path: wsPath = '/proxy' } = options
  const tunnelPort = options.tunnelPort ?? (await freePort())
  const entrypointPort = options.entrypointPort ?? (await freePort())
  const rules =
    options.wildcard === undefined ? options.hosts : [...options.hosts, [`*.${options.wildcard[0]}`, options.wildcard[1]] as const]
  const parameters = new URLSearchParams({
    entrypoint: `127.0.0.1:${entrypointPort}`,
    tunnel: rules.map(([host, uuid]) => `${host}:${uuid}`).join(','),
    ...(isWebSocket(transport) ? { path: wsPath } : {}),
    ...(options.keepalive === true ? { 'entrypoint.keepalive': 'true' } : {}),
    ...options.extra
  })
  const credentials = options.auth === undefined ? '' : `${options.auth}@`
  const scheme = transport === 'tcp' ? 'tunnel' : `tunnel+${transport}`
  const listener = `${scheme}://${credentials}127.0.0.1:${tunnelPort}?${parameters.toString()}`
  const gost = await startGost({
    version: options.version,
    args: ['-L', listener],
    ready: [tunnelPort, entrypointPort],
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel })
  })
  const stop = async (graceMs?: number): Promise<void> => {
    await gost.stop(graceMs)
    releasePorts([tunnelPort, entrypointPort])
  }
  return {
    ...gost,
    stop,
    tunnelPort,
    entrypointPort,
    url: isWebSocket(transport) ? `ws://127.0.0.1:${tunnelPort}${wsPath}` : `${transport}://127.0.0.1:${tunnelPort}`,
    entrypoint: `http://127.0.0.1:${entrypointPort}`,
    [Symbol.asyncDispose]: () => stop()
  }
}

export interface GostClientOptions {
  version: GostVersion
  /** The server's tunnel port on loopback. */
  serverPort: number
  tunnelId: string
  /** Where it forwards to, host:port (the app). */
  target: string
  weight?: number
  path?: string
  transport?: string
  /** The Host of the WebSocket upgrade. */
  host?: string
  auth?: string
  /** `rudp` forwards datagrams. */
  listener?: 'rtcp' | 'rudp'
  /** Further parameters of the node's URL. */
  extra?: Readonly<Record<string, string>>
  logLevel?: GostOptions['logLevel']
  /** False: do not wait until it has registered (a server that refuses or is down). */
  waitForBind?: boolean
}

/** Starts a stock tunnel client and waits until the server has taken its registration. */
export function startGostClient(options: GostClientOptions): Promise<Gost> {
  const { transport = 'ws', path: wsPath = '/proxy', logLevel = 'info' } = options
  const parameters = new URLSearchParams({
    'tunnel.id': options.tunnelId,
    ...(options.weight === undefined ? {} : { 'tunnel.weight': String(options.weight) }),
    ...(isWebSocket(transport) ? { path: wsPath } : {}),
    ...(options.host === undefined ? {} : { host: options.host }),
    ...options.extra
  })
  const credentials = options.auth === undefined ? '' : `${options.auth}@`
  const scheme = transport === 'tcp' ? 'tunnel' : `tunnel+${transport}`
  const node = `${scheme}://${credentials}127.0.0.1:${options.serverPort}?${parameters.toString()}`
  // gost says this line when the server has answered the bind; it is said at level info only.
  const bound = options.waitForBind !== false && (logLevel === 'info' || logLevel === 'debug' || logLevel === 'trace')
  return startGost({
    version: options.version,
    args: ['-L', `${options.listener ?? 'rtcp'}://:0/${options.target}`, '-F', node],
    logLevel,
    ...(bound ? { readyLog: /create tunnel on .* OK/ } : {})
  })
}
