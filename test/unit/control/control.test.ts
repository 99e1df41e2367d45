import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { deferred } from '../../../src/base/closable.ts'
import { InterceptError } from '../../../src/base/errors.ts'
import { sendCommand } from '../../../src/control/client.ts'
import type { Result } from '../../../src/control/message.ts'
import { type ControlServer, serveControl, type ServeControlOptions } from '../../../src/control/serve.ts'
import { listSessions } from '../../../src/control/sessions.ts'
import type { SessionEvent } from '../../../src/event/types.ts'
import { eventually } from '../../harness/eventually.ts'
import { sampleOf } from '../event/samples.ts'

let directory: string
const open: ControlServer[] = []
const uid = process.getuid?.()
const { signal } = new AbortController()

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'control-'))
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(server => server.close()))
  await rm(directory, { recursive: true, force: true })
})

async function serve(options: Partial<ServeControlOptions> = {}): Promise<ControlServer> {
  const { pid = 4242 } = options
  const server = await serveControl({
    directory,
    pid,
    platform: 'linux',
    clock: systemClock,
    info: () => ({
      pid,
      session: `${pid}-k3v9`,
      user: 'ada@laptop',
      version: '0.1.0',
      command: 'kubectl intercept svc/nginx',
      startedAt: `2026-03-01T12:04:31.${pid}Z`,
      targets: [{ name: 'nginx', state: 'verified', workload: 'deployment/nginx', local: 'localhost:8080', weight: 255 }]
    }),
    onCommand: () => Promise.resolve(undefined),
    subscribe: () => () => {},
    ...options
  })
  open.push(server)
  return server
}

const list = (timeoutMs = 1_000) => listSessions([directory, `${directory}-absent`], { clock: systemClock, signal, uid, timeoutMs })

/** A raw client, for what ours would never send. */
async function connect(server: ControlServer): Promise<{ socket: net.Socket; lines: () => Record<string, unknown>[] }> {
  const socket = net.connect(server.path)
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return {
    socket,
    lines: () =>
      text
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line) as Record<string, unknown>)
  }
}

describe('a control socket', () => {
  it('tells what runs, to its owner only', async () => {
    const server = await serve()
    expect(await list()).toEqual([
      { path: server.path, pid: 4242, info: expect.objectContaining({ session: '4242-k3v9', user: 'ada@laptop' }) as unknown }
    ])
    expect((await stat(server.path)).mode & 0o077).toBe(0)
  })

  it('lists several sessions in the order of their start', async () => {
    await serve({ pid: 300 })
    await serve({ pid: 200 })
    expect((await list()).map(({ pid }) => pid)).toEqual([200, 300])
  })

  it('runs a command and gives its result back', async () => {
    const server = await serve({ onCommand: ({ command, args }) => Promise.resolve({ did: command, args }) })
    expect(await sendCommand(server.path, 'leave', { targets: ['nginx'] }, signal)).toEqual({ did: 'leave', args: { targets: ['nginx'] } })
  })

  it('gives the error of a command back with its code and hint', async () => {
    const server = await serve({
      onCommand: () => Promise.reject(new InterceptError('TARGET_NOT_FOUND', 'no target cart here', { hint: 'kubectl intercept list' }))
    })
    await expect(sendCommand(server.path, 'leave', {}, signal)).rejects.toMatchObject({
      code: 'TARGET_NOT_FOUND',
      message: 'no target cart here',
      hint: 'kubectl intercept list'
    })
  })

  it('lets a running command answer before it closes', async () => {
    const ended = deferred<Result>()
    const server = await serve({ onCommand: () => ended.promise })
    const answer = sendCommand(server.path, 'leave', {}, signal)
    await eventually(async () => expect(await list()).toHaveLength(1))
    const closed = server.close()
    ended.resolve({ left: ['nginx'] })
    expect(await answer).toEqual({ left: ['nginx'] })
    await closed
    expect(await readdir(directory)).toEqual([])
  })

  it('says that the session is over when it ends without an answer', async () => {
    const server = await serve({ onCommand: () => new Promise(() => {}) })
    const answer = sendCommand(server.path, 'leave', {}, signal).catch((error: unknown) => error)
    await eventually(async () => expect(await list()).toHaveLength(1))
    await server.close()
    expect(await answer).toMatchObject({ code: 'NO_SESSION' })
  })

  it('streams the events to those who subscribe', async () => {
    const listeners = new Set<(event: SessionEvent) => void>()
    const server = await serve({
      subscribe: listener => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      }
    })
    const { socket, lines } = await connect(server)
    socket.write('{"id":"1","command":"subscribe"}\n')
    await eventually(() => expect(lines()).toEqual([{ v: 1, type: 'command.result', id: '1', ok: true }]))
    for (const listener of listeners) listener(sampleOf('local.state'))
    await eventually(() => expect(lines()[1]).toMatchObject({ type: 'local.state', up: true }))
    socket.destroy()
    await eventually(() => expect(listeners.size).toBe(0))
  })

  it.each(['nonsense', '[]', '{"id":1,"command":"x"}', '{"id":"1"}', '{"id":"1","command":"x","args":[]}', ''])(
    'refuses the line `%s` and goes on',
    async line => {
      const server = await serve()
      const { socket, lines } = await connect(server)
      socket.write(`${line}\n{"id":"2","command":"status","args":{}}\n`)
      await eventually(() => expect(lines()).toHaveLength(2))
      expect(lines()[0]).toMatchObject({ ok: false, error: { code: 'BAD_USAGE' } })
      expect(lines()[1]).toMatchObject({ id: '2', ok: true })
      socket.destroy()
    }
  )

  it('hangs up on a line without end, and serves the next client', async () => {
    const server = await serve()
    const { socket } = await connect(server)
    socket.write('x'.repeat(70_000))
    await once(socket, 'close')
    expect(await sendCommand(server.path, 'status', {}, signal)).toMatchObject({ pid: 4242 })
  })

  it('survives a client that leaves in the middle of a command', async () => {
    const running = deferred<Result>()
    const server = await serve({ onCommand: () => running.promise })
    const { socket } = await connect(server)
    socket.write('{"id":"1","command":"leave"}\n')
    socket.destroy()
    running.resolve({})
    expect(await sendCommand(server.path, 'status', {}, signal)).toMatchObject({ pid: 4242 })
  })

  it('reads a request that arrives in pieces', async () => {
    const server = await serve()
    const { socket, lines } = await connect(server)
    for (const byte of '{"id":"ü","command":"status"}\n') socket.write(byte)
    await eventually(() => expect(lines()).toMatchObject([{ id: 'ü', ok: true }]))
    socket.destroy()
  })
})

describe('listSessions', () => {
  it('removes the socket of a session that was killed', async () => {
    const server = net.createServer().listen(path.join(directory, '77.sock'))
    await once(server, 'listening')
    // A killed process leaves its file: take it out of reach of close(), which would unlink it.
    const { rename } = await import('node:fs/promises')
    await rename(path.join(directory, '77.sock'), path.join(directory, '78.sock'))
    server.close()
    await once(server, 'close')
    expect(await readdir(directory)).toEqual(['78.sock'])
    expect(await list()).toEqual([])
    expect(await readdir(directory)).toEqual([])
  })

  it('leaves foreign files alone', async () => {
    await writeFile(path.join(directory, 'notes.txt'), 'x')
    await writeFile(path.join(directory, '12.sock.new'), 'x')
    expect(await list()).toEqual([])
    expect((await readdir(directory)).sort()).toEqual(['12.sock.new', 'notes.txt'])
  })

  it('shows a session that does not answer in time, without waiting for it', async () => {
    const server = net.createServer(() => {}).listen(path.join(directory, '99.sock'))
    await once(server, 'listening')
    expect(await list(50)).toEqual([{ path: path.join(directory, '99.sock'), pid: 99, info: undefined }])
    server.close()
  })

  it('tolerates an answer that is no session', async () => {
    const server = net.createServer(socket => socket.end('{"type":"command.result","id":"1","ok":true,"result":{"pid":"x"}}\n'))
    server.listen(path.join(directory, '98.sock'))
    await once(server, 'listening')
    expect(await list()).toMatchObject([{ pid: 98, info: undefined }])
    server.close()
  })
})
