/** The tunnels compared: each a server and a connector on loopback, with an entrypoint in front and the app behind. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type Program, startProgram } from '../harness/child.ts'
import { eventually } from '../harness/eventually.ts'
import { startFaultProxy } from '../harness/fault-proxy.ts'
import { peerProgram, startGostClient, startGostServer } from '../harness/gost.ts'
import { accepts, freePort, releasePorts } from '../harness/ports.ts'
import { visit } from '../harness/visit.ts'
import { PROGRAM } from './start.ts'

/**
 * Server and connector. `closing app`: the app closes each connection, so that none is used twice. chisel carries TCP, knows no hosts and
 * encrypts (SSH); frp carries TCP, or HTTP by host (`http`), here without its TLS.
 */
export const PAIRS = ['gost+gost', 'ours+gost', 'ours+ours', 'ours+ours, closing app', 'chisel+chisel', 'frp+frp', 'frp+frp, http'] as const
export type PairName = (typeof PAIRS)[number]

export interface PairSetting {
  readonly host: string
  readonly tunnelId: string
  /** The app's port. */
  readonly originPort: number
  /** Between server and connector. */
  readonly roundTripMs: number
}

export interface Pair extends AsyncDisposable {
  readonly server: Program
  readonly connector: Program
  /** Where visitors go. */
  readonly port: number
}

interface Ports {
  readonly tunnel: number
  readonly entrypoint: number
}

/** Other programs than gost and ours that cannot be built here, each with the reason. */
export function missing(pairs: readonly PairName[]): Map<PairName, string> {
  const reasons = new Map<PairName, string>()
  for (const pair of pairs) {
    const name = /^(chisel|frp)/.exec(pair)?.[0]
    if (name !== 'chisel' && name !== 'frp') continue
    try {
      peerProgram(name)
    } catch (error) {
      reasons.set(pair, String((error as { stderr?: unknown }).stderr ?? error).trim())
    }
  }
  return reasons
}

const ours = (command: 'server' | 'sidecar', argv: readonly string[]): Promise<Program> =>
  startProgram(process.execPath, [PROGRAM, command, ...argv])

/** frp reads files only; it has read them once it has started. */
async function frp(command: 'server' | 'client', settings: Record<string, unknown>): Promise<Program> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-frp-'))
  const file = path.join(folder, `${command}.json`)
  writeFileSync(file, JSON.stringify({ log: { level: 'error' }, ...settings }))
  const program = await startProgram(peerProgram('frp'), [command, file])
  void program.ended.finally(() => rmSync(folder, { recursive: true, force: true }))
  return program
}

function startServer(pair: PairName, { tunnel, entrypoint }: Ports, { host, tunnelId }: PairSetting): Promise<Program> {
  if (pair === 'gost+gost') {
    const ports = { tunnelPort: tunnel, entrypointPort: entrypoint }
    return startGostServer({ version: 'ga', hosts: [[host, tunnelId]], logLevel: 'error', ...ports })
  }
  if (pair === 'chisel+chisel')
    return startProgram(peerProgram('chisel'), ['server', '--host', '127.0.0.1', '--port', String(tunnel), '--reverse'])
  if (pair.startsWith('frp')) {
    const visitors = pair.endsWith('http') ? { vhostHTTPPort: entrypoint } : {}
    return frp('server', { bindAddr: '127.0.0.1', bindPort: tunnel, proxyBindAddr: '127.0.0.1', ...visitors })
  }
  const listener = `tunnel+ws://127.0.0.1:${tunnel}?path=/proxy&entrypoint=127.0.0.1:${entrypoint}&tunnel=${host}:${tunnelId}`
  return ours('server', ['-L', listener, '--log-level', 'error'])
}

function startConnector(pair: PairName, { tunnel, entrypoint }: Ports, { host, tunnelId, originPort }: PairSetting): Promise<Program> {
  const target = `127.0.0.1:${originPort}`
  if (pair.endsWith('+gost')) return startGostClient({ version: 'ga', serverPort: tunnel, tunnelId, weight: 1, target, logLevel: 'error' })
  if (pair === 'chisel+chisel')
    return startProgram(peerProgram('chisel'), ['client', `127.0.0.1:${tunnel}`, `R:127.0.0.1:${entrypoint}:${target}`])
  if (pair.startsWith('frp')) {
    const visitors = pair.endsWith('http') ? { type: 'http', customDomains: [host] } : { type: 'tcp', remotePort: entrypoint }
    const proxies = [{ name: 'bench', localIP: '127.0.0.1', localPort: originPort, ...visitors }]
    return frp('client', { serverAddr: '127.0.0.1', serverPort: tunnel, transport: { tls: { enable: false } }, proxies })
  }
  const node = `tunnel+ws://127.0.0.1:${tunnel}?path=/proxy&tunnel.id=${tunnelId}`
  return ours('sidecar', ['-L', `rtcp://:0/${target}`, '-F', node, '--log-level', 'error'])
}

/** Starts both, and waits until a visitor is answered. */
export async function startPair(name: PairName, setting: PairSetting): Promise<Pair> {
  const { host, roundTripMs } = setting
  const ports = { tunnel: await freePort(), entrypoint: await freePort() }
  const started = new AsyncDisposableStack()
  try {
    started.defer(() => releasePorts([ports.tunnel, ports.entrypoint]))
    const server = started.use(await startServer(name, ports, setting))
    // chisel and frp dial once and then wait before they dial again.
    await eventually(() => accepts(ports.tunnel), { timeoutMs: 20_000, intervalMs: 20 })
    let tunnel = ports.tunnel
    if (roundTripMs > 0) {
      const line = await startFaultProxy({ to: { host: '127.0.0.1', port: ports.tunnel } })
      started.defer(() => line.close())
      line.toServer.delay(roundTripMs / 2)
      line.toClient.delay(roundTripMs / 2)
      tunnel = line.port
    }
    const connector = started.use(await startConnector(name, { ...ports, tunnel }, setting))
    const url = `http://127.0.0.1:${ports.entrypoint}`
    const status = async (): Promise<number> => (await visit(url, { host, timeoutMs: 5_000 })).status
    await eventually(async () => (await status().catch(() => 0)) === 200, { timeoutMs: 20_000, intervalMs: 50 })
    const stop = started.move()
    return { server, connector, port: ports.entrypoint, [Symbol.asyncDispose]: () => stop.disposeAsync() }
  } catch (error) {
    await started.disposeAsync()
    throw error
  }
}
