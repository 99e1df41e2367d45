/**
 * What an agent's memory grows by under the loads that could fill it, on the stock gost server: a body of 1 GiB each way, visitors that wait
 * for an answer, and uploads that the app takes nothing of. `node test/bench/memory.ts [gost|ours] [WORD]`: both, in turns, without a name; works whose name has WORD.
 */
import { randomUUID } from 'node:crypto'
import net from 'node:net'
import { startGostServer } from '../harness/gost.ts'
import { visit } from '../harness/visit.ts'
import { type AgentName, AGENTS, startAgent } from './agents.ts'
import { runVisitors, startOrigin } from './programs.ts'
import { memoryMiB } from './process-usage.ts'

const HOST = 'bench.local'
const VISITORS = 1_000
const MIB = 1_048_576
/** More than all buffers on the way take. */
const STALLED_BYTES = 4 * MIB
const SETTLE_MS = 4_000
const BLOCK = Buffer.alloc(65_536, 'u')

const pause = (ms: number): Promise<void> =>
  new Promise(resolve => {
    setTimeout(resolve, ms)
  })

/** `GET /` 12 bytes, `GET /size/N` N bytes, `POST /upload` counted, anything else: neither read nor answered. */
async function startApp(): Promise<{ port: number; close: () => void }> {
  const { program: origin, port: originPort } = await startOrigin()
  const app = net.createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', first => {
      socket.pause()
      if (first.includes(' /silent ')) return
      socket.unshift(first)
      const to = net.connect(originPort, '127.0.0.1')
      to.on('error', () => socket.destroy())
      socket.pipe(to).pipe(socket)
    })
  })
  await new Promise<void>(resolve => {
    app.listen({ port: 0, host: '127.0.0.1', backlog: 1_024 }, resolve)
  })
  const close = (): void => {
    app.close()
    void origin.stop()
  }
  return { port: (app.address() as net.AddressInfo).port, close }
}

/** Visitors that the app never answers, opened 20 at a time; those with a body send what is taken of it. */
async function silent(port: number, bodyBytes: number): Promise<net.Socket[]> {
  const sockets: net.Socket[] = []
  for (let count = 0; count < VISITORS; count += 1) {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => {})
    sockets.push(socket)
    socket.write(`${bodyBytes > 0 ? 'POST' : 'GET'} /silent HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: ${bodyBytes}\r\n\r\n`)
    let left = bodyBytes
    const more = (): void => {
      while (left > 0 && !socket.destroyed) {
        left -= BLOCK.length
        if (!socket.write(BLOCK)) {
          socket.once('drain', more)
          return
        }
      }
    }
    more()
    if (count % 20 === 19) await pause(20)
  }
  await pause(SETTLE_MS)
  return sockets
}

const works: readonly { name: string; run: (port: number) => Promise<net.Socket[]> }[] = [
  {
    name: 'download 1 GiB',
    run: port => runVisitors({ port, host: HOST, visitors: 1, work: { kind: 'down', bytes: 1_024 * MIB } }).then(() => [])
  },
  {
    name: 'upload 1 GiB',
    run: port => runVisitors({ port, host: HOST, visitors: 1, work: { kind: 'up', bytes: 1_024 * MIB } }).then(() => [])
  },
  { name: `${VISITORS} visitors without an answer`, run: port => silent(port, 0) },
  { name: `${VISITORS} stalled uploads`, run: port => silent(port, STALLED_BYTES) }
]

async function measure(name: AgentName, work: (typeof works)[number], appPort: number): Promise<string> {
  const tunnelId = randomUUID()
  await using server = await startGostServer({ version: 'ga', hosts: [[HOST, tunnelId]], logLevel: 'error' })
  const port = Number(new URL(server.entrypoint).port)
  const world = { tunnelId, tunnelPort: server.tunnelPort, entrypoint: server.entrypoint, host: HOST, originPort: appPort }
  const { program } = await startAgent(name, world)
  try {
    await runVisitors({ port, host: HOST, visitors: 1, work: { kind: 'requests', seconds: 0.5 } })
    const before = memoryMiB(program.pid).now
    const sockets = await work.run(port)
    const after = memoryMiB(program.pid)
    const serves = await visit(server.entrypoint, { host: HOST, timeoutMs: 10_000 }).then(
      answer => `then answers ${answer.status}`,
      () => 'then answers nobody'
    )
    for (const socket of sockets) socket.destroy()
    return `${before.toFixed(0)} → ${after.now.toFixed(0)} MiB (+${(after.now - before).toFixed(0)}), highest ${after.peak.toFixed(0)}, ${serves}`
  } finally {
    await program.stop()
  }
}

const app = await startApp()
const names = AGENTS.filter(name => process.argv[2] === undefined || process.argv[2] === name)
for (const work of works.filter(each => each.name.includes(process.argv[3] ?? ''))) {
  for (const name of names) console.log(`${work.name}, ${name}: ${await measure(name, work, app.port)}`)
}
app.close()
