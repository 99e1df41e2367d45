/**
 * What visitors notice when a part of the way fails: `npm run faults [-- WORD]` prints the table of docs/faults.md. Each of agent, sidecar and server is
 * killed, frozen, cut off, lost in silence and slowed down, once with all parts ours and once with all parts stock gost 3.2.6, under 50 GETs a
 * second with a connection each. Two connectors serve the tunnel: the one beside the failing one is there to be asked.
 */
import { randomUUID } from 'node:crypto'
import { startApp } from '../harness/app.ts'
import type { Program } from '../harness/child.ts'
import { eventually } from '../harness/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts'
import { startGostClient, startGostServer } from '../harness/gost.ts'
import { arrivals, failed, visit } from '../harness/visitors.ts'
import { HOST, passed } from './line.ts'
import { startOurAgent, startOurServer, startOurSidecar } from './programs.ts'

const KINDS = ['ours', 'stock'] as const
type Kind = (typeof KINDS)[number]
const VICTIMS = ['agent at 255', 'one of two sidecars', 'server'] as const
type Victim = (typeof VICTIMS)[number]

const RATE = 50
const BEFORE_MS = 2_000
/** Longer than what any of ours takes, and than a stock server takes to notice a silent connector. */
const WATCHED_MS = { ours: 12_000, stock: 75_000 } as const
/** How long a server is away: a pod that is started again. */
const AWAY_MS = 1_000
const FROZEN_MS = 4_000
const SLOW_BYTES_PER_SECOND = 4_000

interface Server extends Program {
  readonly tunnelPort: number
  readonly entrypointPort: number
}

interface Stage {
  kind: Kind
  tunnelId: string
  server: Server
  victim: Program
  /** Before the failing connector, or before both when the server fails. */
  lines: FaultProxy[]
  restart: () => Promise<Server>
}

const FAULTS: Readonly<Record<string, (stage: Stage, what: Victim) => Promise<void>>> = {
  'kill -9': async ({ victim, restart }, what) => {
    victim.kill('SIGKILL')
    if (what !== 'server') return
    await passed(AWAY_MS)
    await restart()
  },
  SIGSTOP: async ({ victim }, what) => {
    victim.kill('SIGSTOP')
    if (what !== 'server') return
    await passed(FROZEN_MS)
    victim.kill('SIGCONT')
  },
  'cut (RST)': async ({ lines }) => {
    for (const line of lines) line.reset()
  },
  'black hole': async ({ lines }) => {
    for (const line of lines) line.forget()
  },
  'slow reader, 4 kB/s': async ({ lines }) => {
    for (const { toClient } of lines) toClient.throttle(SLOW_BYTES_PER_SECOND)
  }
}

const startServer = (kind: Kind, tunnelId: string, at?: Pick<Server, 'tunnelPort' | 'entrypointPort'>): Promise<Server> =>
  kind === 'ours'
    ? startOurServer({ hosts: [[HOST, tunnelId]], ...(at === undefined ? {} : { at }) })
    : startGostServer({ version: 'ga', hosts: [[HOST, tunnelId]], logLevel: 'error', ...at })

function startConnector(
  kind: Kind,
  role: 'agent' | 'sidecar',
  to: { tunnelPort: number; tunnelId: string; appPort: number; weight: number }
) {
  const { tunnelPort, tunnelId, appPort, weight } = to
  if (kind === 'ours') return role === 'agent' ? startOurAgent(to) : startOurSidecar(to)
  return startGostClient({ version: 'ga', serverPort: tunnelPort, tunnelId, target: `127.0.0.1:${appPort}`, weight })
}

/** How many failed, how long after the fault the last of them was sent, and how long the slowest answer took. */
async function run(kind: Kind, what: Victim, fault: string): Promise<string> {
  const tunnelId = randomUUID()
  await using app = await startApp({ name: 'app' })
  const server = await startServer(kind, tunnelId)
  const lines = await Promise.all([1, 2].map(() => startFaultProxy({ to: { host: '127.0.0.1', port: server.tunnelPort } })))
  const programs: Program[] = [server]
  try {
    const [quiet, failing] = lines
    const to = { tunnelId, appPort: app.port }
    programs.push(await startConnector(kind, 'sidecar', { ...to, tunnelPort: quiet?.port ?? 0, weight: 1 }))
    const role = what === 'agent at 255' ? 'agent' : 'sidecar'
    const second = await startConnector(kind, role, { ...to, tunnelPort: failing?.port ?? 0, weight: role === 'agent' ? 255 : 1 })
    programs.push(second)
    const at = { host: '127.0.0.1', port: server.entrypointPort, name: HOST }
    await eventually(async () => (await visit(at)).status === 200, { timeoutMs: 20_000 })
    const visitors = arrivals({ ...at, rate: RATE })
    await eventually(() => visitors.atMs > BEFORE_MS, { timeoutMs: 10_000 })
    const restart = async (): Promise<Server> => {
      const again = await startServer(kind, tunnelId, server)
      programs.push(again)
      return again
    }
    const atMs = visitors.atMs
    const isServer = what === 'server'
    await FAULTS[fault]?.(
      { kind, tunnelId, server, victim: isServer ? server : second, lines: isServer ? lines : lines.slice(1), restart },
      what
    )
    await eventually(() => visitors.atMs > atMs + WATCHED_MS[kind], { timeoutMs: WATCHED_MS[kind] * 2, intervalMs: 200 })
    second.kill('SIGCONT')
    const visits = await visitors.stop()
    const lost = failed(visits)
    const last = Math.max(0, ...lost.map(each => each.atMs - atMs))
    const slowest = Math.max(...visits.filter(each => each.status === 200).map(({ ms }) => ms))
    return `${lost.length} of ${visits.length}${lost.length === 0 ? '' : `, the last after ${(last / 1_000).toFixed(1)} s`}; slowest ${Math.round(slowest)} ms`
  } finally {
    for (const program of programs.reverse()) await program.stop(1_000)
    await Promise.all(lines.map(line => line.close()))
  }
}

const word = process.argv[2] ?? ''
console.log('| what fails | how | all ours | all stock gost 3.2.6 |\n| --- | --- | --- | --- |')
for (const what of VICTIMS) {
  for (const fault of Object.keys(FAULTS)) {
    if (!`${what} ${fault}`.includes(word)) continue
    const cells: string[] = []
    for (const kind of KINDS) cells.push(await run(kind, what, fault).catch((error: unknown) => `not measured: ${String(error)}`))
    console.log(`| ${what} | ${fault} | ${cells.join(' | ')} |`)
  }
}
