/** A running session's socket: commands in, results and events out. Each connection runs one command at a time, so that none can pile up work. */
import { once } from 'node:events'
import { chmod, rename, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { type Closable, closeOnce, deferred } from '../base/closable.ts'
import type { Clock } from '../base/clock.ts'
import { asError, InterceptError } from '../base/errors.ts'
import { eventLines } from '../event/event-lines.ts'
import type { ErrorShape, SessionEvent } from '../event/types.ts'
import { readLines } from './lines.ts'
import {
  type Args,
  type ControlAnswer,
  type ControlRequest,
  MAX_LINE_BYTES,
  readRequest,
  type Result,
  type SessionInfo
} from './message.ts'

const MAX_CONNECTIONS = 32
/** How long a client has, at the end, to take what it is owed. */
const FAREWELL_MS = 500

export interface ServeControlOptions {
  /** Exists and is private (`chooseDirectory`). */
  directory: string
  pid: number
  platform: string
  clock: Clock
  /** Asked for each `status`. */
  info: () => SessionInfo
  /** Every command but `status` and `subscribe`. Its InterceptError becomes the answer. */
  onCommand: (request: ControlRequest) => Promise<Result | undefined>
  subscribe: (listener: (event: SessionEvent) => void) => () => void
}

export interface ControlServer extends Closable {
  readonly path: string
}

/** Throws what the file system or `listen` throw. `close()` lets running commands answer first. */
export async function serveControl(options: ServeControlOptions): Promise<ControlServer> {
  const { directory, pid, platform, clock } = options
  const file = path.join(directory, `${pid}.sock`)
  const server = net.createServer({ allowHalfOpen: true })
  server.maxConnections = MAX_CONNECTIONS
  const connections = new Map<net.Socket, Promise<void>>()
  const closing = new AbortController()
  server.on('connection', socket => {
    const done = converse(socket, options, closing.signal).finally(() => connections.delete(socket))
    connections.set(socket, done)
  })
  const listening = await listen(server, { file, directory, platform, pid })
  server.on('error', () => {}) // a failing accept concerns one client
  return {
    path: listening,
    close: closeOnce(async () => {
      server.close()
      closing.abort()
      const timeUp = deferred<void>()
      const timer = clock.after(FAREWELL_MS, () => timeUp.resolve())
      await Promise.race([Promise.all(connections.values()), timeUp.promise])
      timer.cancel()
      for (const socket of connections.keys()) socket.destroy()
      await rm(file, { force: true })
    })
  }
}

/** The socket gets its name only when it is being listened on: whoever finds a dead one under that name may remove it. */
async function listen(server: net.Server, place: { file: string; directory: string; platform: string; pid: number }): Promise<string> {
  const { file, directory, platform, pid } = place
  const fresh = platform === 'win32' ? pipeName(directory, pid) : `${file}.new`
  if (platform !== 'win32') await rm(fresh, { force: true })
  server.listen(fresh)
  await once(server, 'listening')
  server.unref()
  if (platform === 'win32') await writeFile(file, fresh, { mode: 0o600 })
  else {
    await chmod(fresh, 0o600)
    await rename(fresh, file)
  }
  return platform === 'win32' ? fresh : file
}

/** Pipes live in one space for all users: the folder is part of the name. */
const pipeName = (directory: string, pid: number): string =>
  `\\\\.\\pipe\\kubectl-intercept-${Buffer.from(directory).toString('hex').slice(-60)}-${pid}`

async function converse(socket: net.Socket, options: ServeControlOptions, closing: AbortSignal): Promise<void> {
  const events = eventLines(socket)
  let unsubscribe = (): void => {}
  socket.on('error', () => {}) // the client went away; reading ends by itself
  const requests = readLines(socket, MAX_LINE_BYTES)
  const closed = new Promise<undefined>(resolve => {
    if (closing.aborted) resolve(undefined)
    closing.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  try {
    for (;;) {
      const next = await Promise.race([requests.next(), closed])
      if (next === undefined || next.done === true) break
      const request = readRequest(next.value)
      if (request?.command === 'subscribe') {
        unsubscribe()
        unsubscribe = options.subscribe(events.push)
      }
      await say(socket, request === undefined ? refusal() : await answer(request, options))
    }
    await events.flushed()
    socket.end()
    if (!socket.destroyed) await once(socket, 'close')
  } catch {
    socket.destroy() // too long a line, or a client that left in the middle
  } finally {
    unsubscribe()
    socket.destroy()
  }
}

async function answer({ id, command, args }: ControlRequest, options: ServeControlOptions): Promise<ControlAnswer> {
  try {
    if (command === 'subscribe') return { v: 1, type: 'command.result', id, ok: true }
    const result: Result | undefined =
      command === 'status' ? { ...options.info() } : await options.onCommand({ id, command, args: args satisfies Args })
    return { v: 1, type: 'command.result', id, ok: true, ...(result === undefined ? {} : { result }) }
  } catch (error) {
    return { v: 1, type: 'command.result', id, ok: false, error: shapeOf(error) }
  }
}

function shapeOf(error: unknown): ErrorShape {
  const { message } = asError(error)
  if (!(error instanceof InterceptError)) return { code: 'BUG', message }
  return { code: error.code, message, ...(error.hint === undefined ? {} : { hint: error.hint }) }
}

const refusal = (): ControlAnswer => ({
  v: 1,
  type: 'command.result',
  id: '',
  ok: false,
  error: { code: 'BAD_USAGE', message: 'not a command: a line is {"id": text, "command": text, "args": object}' }
})

async function say(socket: net.Socket, line: ControlAnswer): Promise<void> {
  if (socket.destroyed) return
  if (!socket.write(`${JSON.stringify(line)}\n`)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
}
