/** The app that stands for a developer's: what the other tests believe of it. */
import net from 'node:net'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startApp } from '../../harness/app.ts'
import { startProgram } from '../../harness/child.ts'
import { eventually } from '../../harness/eventually.ts'
import { accepts, freePort, releasePorts } from '../../harness/ports.ts'
import { visit } from '../../harness/visit.ts'

describe('the app', () => {
  it('answers by its path', async () => {
    await using app = await startApp({ name: 'pod' })
    expect((await visit(`${app.url}/anything`)).text).toBe('pod\n')
    expect((await visit(`${app.url}/echo`, { method: 'POST', body: 'there and back' })).text).toBe('there and back')
    expect((await visit(`${app.url}/size/200000`)).body).toHaveLength(200_000)
    expect((await visit(`${app.url}/status/418`)).status).toBe(418)
    expect((await visit(`${app.url}/upload`, { method: 'POST', body: Buffer.alloc(100_000) })).text).toBe('100000')
    expect((await visit(`${app.url}/sse/2`)).text).toBe('id: 0\ndata: event 0\n\nid: 1\ndata: event 1\n\n')
    expect((await visit(`${app.url}/drip/3/1`)).text).toBe('xxx')
    expect(await visit(`${app.url}/chunked/2`)).toMatchObject({ text: 'chunk 0\nchunk 1\n', trailers: { 'x-checksum': '2' } })
    const head = JSON.parse((await visit(`${app.url}/headers`, { host: 'nginx.local', headers: { 'X-One': 'a' } })).text) as {
      rawHeaders: string[]
    }
    expect(head.rawHeaders).toEqual(expect.arrayContaining(['nginx.local', 'X-One', 'a']))
  })

  it('counts what it saw and remembers the heads', async () => {
    await using app = await startApp()
    await visit(`${app.url}/a`, { host: 'a.local' })
    await visit(`${app.url}/echo`, { method: 'POST', body: Buffer.alloc(1_000) })
    expect(app.counts).toMatchObject({ connections: 2, requests: 2, upgrades: 0 })
    expect(app.counts.bytesIn).toBeGreaterThan(1_000)
    expect(app.seen.map(({ method, path, headers }) => [method, path, headers.host])).toEqual([
      ['GET', '/a', 'a.local'],
      ['POST', '/echo', app.address]
    ])
    await eventually(() => expect(app.counts.open).toBe(0))
  })

  it('accepts but answers nothing while frozen, and goes on when thawed', async () => {
    await using app = await startApp()
    app.freeze()
    const answer = visit(app.url)
    await eventually(() => expect(app.counts.requests).toBe(1))
    await expect(visit(app.url, { timeoutMs: 50 })).rejects.toThrow(/aborted/)
    app.thaw()
    expect((await answer).status).toBe(200)
  })

  it('speaks WebSocket', async () => {
    await using app = await startApp()
    const socket = new WebSocket(`ws://${app.address}/ws`)
    await once(socket, 'open')
    socket.send('there and back')
    const [message] = (await once(socket, 'message')) as [Buffer]
    expect(message.toString()).toBe('there and back')
    expect(app.counts.upgrades).toBe(1)
    socket.terminate()
  })

  it('echoes raw bytes after another upgrade', async () => {
    await using app = await startApp()
    const socket = net.connect(app.port, '127.0.0.1')
    let text = ''
    socket.on('data', chunk => (text += chunk.toString()))
    socket.write('GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\nearly ')
    await eventually(() => expect(text).toMatch(/101 .*early $/s))
    socket.write('late')
    await eventually(() => expect(text).toMatch(/early late$/))
    socket.destroy()
  })

  it('resets a connection on demand and refuses after its end', async () => {
    await using app = await startApp()
    await expect(visit(`${app.url}/reset`)).rejects.toMatchObject({ code: 'ECONNRESET' })
    await app.close()
    await expect(visit(app.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await using again = await startApp({ port: app.port })
    expect((await visit(again.url)).status).toBe(200)
  })
})

describe('ports', () => {
  it('are different, free, and outside of what the kernel hands out', async () => {
    const ports = await Promise.all(Array.from({ length: 8 }, freePort))
    expect(new Set(ports).size).toBe(8)
    expect(ports.every(port => port >= 20_000 && port < 32_000)).toBe(true)
    expect(await Promise.all(ports.map(port => accepts(port)))).toEqual(Array(8).fill(false))
    releasePorts(ports)
  })
})

describe('a program', () => {
  it('is stopped when it does not listen, keeps its output, and has a status', async () => {
    const code = "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)"
    await using program = await startProgram(process.execPath, ['-e', code])
    await eventually(() => expect(program.log()).toBe('up\n'))
    expect(program.status()).toBeUndefined()
    await program.stop(50)
    expect(program.status()).toBe(128)
  })

  it('cannot be one that does not exist', async () => {
    await expect(startProgram('/nonexistent/program', [])).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
