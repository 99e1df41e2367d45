/** HTTP/2, gRPC and raw TCP with peers that are not ours: Go's own client as a visitor, stock gost as a connector. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import grpc from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/server/limits.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { type Gost, type GostVersion, startGostClient } from '../harness/gost.ts'
import { GrpcVisitor, type Said, startGrpcApp } from '../harness/grpc.ts'
import { RawVisitor, startWorld, TUNNEL, type World } from '../unit/server/world.ts'

const versions: readonly GostVersion[] = ['ga', 'nightly']
const program = fileURLToPath(new URL('../harness/programs/http2-visitor.go', import.meta.url))
const limits = { ...DEFAULT_LIMITS }
const rules = ['nginx.local', 'tunnel.test'].map(host => ({ host, tunnelId: TUNNEL }))

const connect = (world: World, port: number, version: GostVersion): Promise<Gost> =>
  startGostClient({ version, serverPort: world.server.tunnelPort, tunnelId: TUNNEL, target: `127.0.0.1:${port}` })

/** The first `go run` on a machine compiles Go's own packages. */
const COMPILING_MS = 240_000

describe('a visitor in Go', () => {
  it.each(['http', 'https'])(
    'is served over HTTP/2 by %s',
    async scheme => {
      const [cert = '', key = ''] = ['server.pem', 'server.key'].map(name =>
        readFileSync(new URL(`../fixtures/certs/${name}`, import.meta.url), 'utf8')
      )
      await using world = await startWorld({ limits, server: { rules, entrypoints: [{ host: '127.0.0.1', port: 0, tls: { cert, key } }] } })
      const host = scheme === 'http' ? 'nginx.local' : 'tunnel.test'
      const paths = ['/echo', '/upload', '/chunked/3', '/size/300000', '/status/404']
      const { stdout } = await promisify(execFile)('go', ['run', program, world.url.replace('http', scheme), host, ...paths])
      const answers = stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as [number, string, number, Record<string, string[]>])
      expect(answers.map(([status, protocol]) => [status, protocol])).toEqual(
        paths.map(path => [path === '/status/404' ? 404 : 200, 'HTTP/2.0'])
      )
      expect([answers[0]?.[2], answers[3]?.[2], Object.keys(answers[2]?.[3] ?? {})]).toEqual([1_048_576, 300_000, [expect.any(String)]])
      expect(world.server.stats()).toMatchObject({ requests: 5, refused: 0 })
    },
    COMPILING_MS
  )
})

describe.each(versions)('stock gost %s connectors', version => {
  it('carry gRPC: status, trailers, both directions, cancellation', async () => {
    await using app = await startGrpcApp()
    await using world = await startWorld({ weights: [], limits, server: { rules } })
    await using _gost = await connect(world, app.port, version)
    using client = new GrpcVisitor(world.server.entrypointPort, 'nginx.local')
    const { message, trailers } = await client.say('hello')
    expect([message, trailers.get('x-trailer')]).toEqual(['hello', ['t']])
    await expect(client.say('fail')).rejects.toMatchObject({ code: grpc.status.FAILED_PRECONDITION })
    const chat = client.chat()
    const heard: string[] = []
    chat.on('data', (text: string) => heard.push(text))
    for (const text of ['a', 'b']) {
      chat.write(text)
      await eventually(() => expect(heard.at(-1)).toBe(`re: ${text}`))
    }
    chat.end()
    const endless = client.repeat('x')
    endless.on('error', () => {}) // cancelled below
    await new Promise(resolve => endless.once('data', resolve))
    endless.cancel()
    await eventually(() => expect(app.counts.cancelled).toBe(1))
    await eventually(() => expect(world.server.stats()).toMatchObject({ binds: 1, active: 0 }))
  })

  it('carry many gRPC calls on one stream, and on another one after the app was restarted', async () => {
    const before = await startGrpcApp()
    await using world = await startWorld({ weights: [], limits, server: { rules } })
    await using _gost = await connect(world, before.port, version)
    using client = new GrpcVisitor(world.server.entrypointPort, 'nginx.local')
    const many = (): Promise<Said[]> => Promise.all(Array.from({ length: 100 }, (_, at) => client.say('x'.repeat(at * 100 + 1))))
    expect((await many()).map(({ message }) => message.length).at(-1)).toBe(9_901)
    expect(world.server.stats().connectors).toMatchObject([{ active: 1 }])
    await before[Symbol.asyncDispose]()
    await eventually(() => expect(world.server.stats().connectors).toMatchObject([{ active: 0 }]))
    await using after = await startGrpcApp(before.port)
    await many()
    expect([after.counts.calls, world.server.stats()]).toMatchObject([100, { refused: 0, connectors: [{ active: 1 }] }])
  })

  it('let an app speak first on a TCP entrypoint', async () => {
    const app = net.createServer(socket => {
      socket.on('error', () => {}) // visitors leave as they like
      socket.write('220 hello\r\n')
      socket.on('data', (chunk: Buffer) => socket.write(chunk))
    })
    app.listen(0, '127.0.0.1')
    await eventually(() => expect(app.listening).toBe(true))
    await using world = await startWorld({
      weights: [],
      limits,
      server: { entrypoints: [{ host: '127.0.0.1', port: 0, tunnelId: TUNNEL }] }
    })
    await using _gost = await connect(world, (app.address() as AddressInfo).port, version)
    const visitor = await RawVisitor.connect(world.server.entrypointPort)
    await eventually(() => expect(visitor.text).toBe('220 hello\r\n'))
    visitor.send('ping')
    await eventually(() => expect(visitor.text).toBe('220 hello\r\nping'))
    visitor.socket.destroy()
    app.close()
  })

  it('carry HTTP/2 visitors to an app of HTTP/1.1', async () => {
    await using app = await startApp()
    await using world = await startWorld({ weights: [], limits, server: { rules } })
    await using _gost = await connect(world, app.port, version)
    const { stdout } = await promisify(execFile)('go', ['run', program, world.url, 'nginx.local', '/echo', '/size/100'])
    expect(
      stdout
        .trim()
        .split('\n')
        .map(line => (JSON.parse(line) as [number, string, number])[2])
    ).toEqual([1_048_576, 100])
    expect(world.server.stats()).toMatchObject({ binds: 1, refused: 0 })
  })
})
