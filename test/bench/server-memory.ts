/**
 * `node test/bench/server-memory.ts [VISITORS]`: our server's memory idle, and with 10,000 visitors who have come and say nothing: raw TCP ones, each with a
 * stream of its own to the app, and such as keep an HTTP connection after an answer. Three sidecars, since one connector has 4,096 streams at most.
 */
import { randomUUID } from 'node:crypto'
import net from 'node:net'
import { type Program, startProgram } from '../harness/child.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort, releasePorts } from '../harness/ports.ts'
import { visit } from '../harness/visit.ts'
import { memoryMiB } from './process-usage.ts'
import { startOrigin } from './programs.ts'
import { machine } from './report.ts'
import { PROGRAM } from './start.ts'

const HOST = 'bench.local'
const VISITORS = Number(process.argv[2] ?? 10_000)
const SIDECARS = 3
/** Opened at once. */
const BATCH = 100
/** For what was opened to reach the app, and for V8 to look at what is left. */
const SETTLE_MS = 5_000

const pause = (ms: number): Promise<void> =>
  new Promise(resolve => {
    setTimeout(resolve, ms)
  })

const ours = (argv: readonly string[]): Promise<Program> => startProgram(process.execPath, [PROGRAM, ...argv, '--log-level', 'error'])

/** Resolves when it is connected, and with `asks` when it has its answer. */
const visitor = (port: number, asks: boolean): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('error', reject)
    if (asks) socket.once('data', () => resolve(socket))
    else socket.once('connect', () => resolve(socket))
    if (asks) socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
  })

async function crowd(port: number, asks: boolean): Promise<net.Socket[]> {
  const sockets: net.Socket[] = []
  while (sockets.length < VISITORS) {
    const count = Math.min(BATCH, VISITORS - sockets.length)
    sockets.push(...(await Promise.all(Array.from({ length: count }, () => visitor(port, asks)))))
  }
  return sockets
}

async function measure(asks: boolean, originPort: number): Promise<string> {
  const tunnelId = randomUUID()
  const [tunnel, http, raw] = [await freePort(), await freePort(), await freePort()]
  const listener = `tunnel+ws://127.0.0.1:${tunnel}?path=/proxy&entrypoint=127.0.0.1:${http}&tunnel=${HOST}:${tunnelId}`
  await using server = await ours(['server', '-L', listener, '--entrypoint', `127.0.0.1:${raw}=${tunnelId}`])
  const node = `tunnel+ws://127.0.0.1:${tunnel}?path=/proxy&tunnel.id=${tunnelId}`
  const sidecars = await Promise.all(
    Array.from({ length: SIDECARS }, () => ours(['sidecar', '-L', `rtcp://:0/127.0.0.1:${originPort}`, '-F', node]))
  )
  let sockets: net.Socket[] = []
  try {
    const status = async (): Promise<number> => (await visit(`http://127.0.0.1:${http}`, { host: HOST, timeoutMs: 5_000 })).status
    await eventually(async () => (await status().catch(() => 0)) === 200, { timeoutMs: 20_000, intervalMs: 50 })
    await pause(SETTLE_MS)
    const idle = memoryMiB(server.pid)
    sockets = await crowd(asks ? http : raw, asks)
    await pause(SETTLE_MS)
    const full = memoryMiB(server.pid)
    const open = sockets.filter(socket => !socket.destroyed && !socket.readableEnded).length
    const figures = [open, idle.now, idle.own, full.now, full.own, full.peak].map(figure => figure.toFixed(0))
    return `| ${[asks ? 'HTTP, kept after an answer' : 'raw TCP, a stream each', ...figures].join(' | ')} |`
  } finally {
    for (const socket of sockets) socket.destroy()
    await Promise.all(sidecars.map(sidecar => sidecar.stop()))
    releasePorts([tunnel, http, raw])
  }
}

const started = new Date()
const { program: origin, port: originPort } = await startOrigin()
console.log('| visitors | still open | idle MiB | of it not shared | with visitors MiB | of it not shared | highest |')
console.log('| --- | --: | --: | --: | --: | --: | --: |')
for (const asks of [false, true]) console.log(await measure(asks, originPort))
await origin.stop()
console.log(`\n${machine(started)}`)
