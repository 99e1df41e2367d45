/**
 * Loopback ports for programs that cannot say which port they got (gost with `:0`). Taken from below the range that the kernel hands
 * out to clients and to `listen(0)`, and claimed by a file, so that test files running beside each other never get the same one.
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'

const FIRST = 20_000
const COUNT = 12_000
const claims = path.join(os.tmpdir(), 'kubectl-intercept-ports')
const held = new Set<number>()
process.on('exit', () => releasePorts([...held]))

const claimFile = (port: number): string => path.join(claims, String(port))

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function claim(port: number): boolean {
  mkdirSync(claims, { recursive: true })
  try {
    const file = openSync(claimFile(port), 'wx')
    writeSync(file, String(process.pid))
    closeSync(file)
    held.add(port)
    return true
  } catch {
    // Left by a run that was killed: the next call may have it.
    try {
      if (!alive(Number(readFileSync(claimFile(port), 'utf8')))) rmSync(claimFile(port), { force: true })
    } catch {
      // Its owner removed it meanwhile.
    }
    return false
  }
}

const listens = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const server = net.createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })

/** A loopback port that nothing uses, ours until this process ends or `releasePorts`. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = FIRST + Math.floor(Math.random() * COUNT)
    if (!claim(port)) continue
    if (await listens(port)) return port
    releasePorts([port])
  }
  throw new Error(`no free port between ${FIRST} and ${FIRST + COUNT}`)
}

export function releasePorts(ports: readonly number[]): void {
  for (const port of ports) {
    if (held.delete(port)) rmSync(claimFile(port), { force: true })
  }
}

/** True when something accepts connections on the port. */
export const accepts = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise(resolve => {
    const socket = net.connect({ port, host })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
