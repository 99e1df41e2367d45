/** Real gRPC (@grpc/grpc-js) through our server and sidecar. */
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import net from 'node:net'
import grpc from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../harness/eventually.ts'
import { GrpcVisitor, startGrpcApp } from '../../harness/grpc.ts'
import { openHttp2 } from '../../harness/http2-visit.ts'
import { listening } from '../../harness/listening.ts'
import { HOST, startWorld, TUNNEL, type World } from './world.ts'

const visitor = (world: World, authority = HOST): GrpcVisitor => new GrpcVisitor(world.server.entrypointPort, authority)

/** Fifty calls at once may take a moment here. */
const PATIENT = { firstByteTimeoutMs: 10_000 }

describe('gRPC through the entrypoint', () => {
  it('carries calls with their metadata, trailers and status, also one of an error', async () => {
    await using app = await startGrpcApp()
    await using world = await startWorld({ weights: [], limits: PATIENT })
    await world.addSidecar(app.port)
    using client = visitor(world)
    const { message, head, trailers } = await client.say('hello', { ask: 'please' })
    expect([message, head.get('x-head'), trailers.get('x-trailer')]).toEqual(['hello', ['please'], ['t']])
    await expect(client.say('fail')).rejects.toMatchObject({ code: grpc.status.FAILED_PRECONDITION, details: 'no, thank you: é' })
    const many = await Promise.all(Array.from({ length: 50 }, (_, at) => client.say(`m${at}`)))
    expect(many.map(({ message: said }) => said)).toEqual(Array.from({ length: 50 }, (_, at) => `m${at}`))
    expect(world.server.stats()).toMatchObject({ visitors: 1, requests: 52, refused: 0 })
    await eventually(() => expect(world.server.stats().active).toBe(0))
  })

  it('streams both ways at once, and large messages', async () => {
    await using app = await startGrpcApp()
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(app.port)
    using client = visitor(world)
    const chat = client.chat()
    const heard: string[] = []
    chat.on('data', (message: string) => heard.push(message))
    const large = 'x'.repeat(1_000_000)
    for (const message of ['a', 'b', large]) {
      chat.write(message)
      await eventually(() => expect(heard.at(-1)).toBe(`re: ${message}`))
    }
    chat.end()
    await new Promise(resolve => chat.once('end', resolve))
    expect(heard).toHaveLength(3)
  })

  it('tells the app of a call that the visitor cancels, and of one whose deadline is over', async () => {
    await using app = await startGrpcApp()
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(app.port)
    using client = visitor(world)
    const stream = client.repeat('again')
    let failure: grpc.ServiceError | undefined
    stream.on('error', (error: grpc.ServiceError) => {
      failure = error
    })
    await new Promise(resolve => stream.once('data', resolve))
    stream.cancel()
    await eventually(() => expect([failure?.code, app.counts.cancelled]).toEqual([grpc.status.CANCELLED, 1]))
    await expect(client.say('wait', { deadlineMs: 200 })).rejects.toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED })
    await eventually(() => expect(app.counts.cancelled).toBe(2))
    await eventually(() => expect(world.server.stats()).toMatchObject({ active: 0, connectors: [{ active: 0 }] }))
  })

  it('says UNAVAILABLE and why for what we refuse', async () => {
    await using world = await startWorld({ weights: [] })
    using client = visitor(world)
    using stranger = visitor(world, 'other.local')
    await expect(client.say('x')).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
      details: 'no connector is registered for this host'
    })
    await expect(stranger.say('x')).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE, details: 'no tunnel is known for this host' })
    // An app that knows only HTTP/1, and one that is not there.
    const old = await listening(net.createServer(socket => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')))
    await world.addSidecar(old)
    await expect(client.say('x')).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE, details: 'the answer of the app is malformed' })
    expect(world.server.stats()).toMatchObject({ requests: 3, refused: 3, active: 0 })
  })

  it('gives a call to another connector while its app has not heard of it', async () => {
    await using app = await startGrpcApp()
    await using world = await startWorld({ weights: [], server: { random: () => 0 } })
    await world.addSidecar(1)
    await world.addSidecar(app.port)
    using client = visitor(world)
    expect((await client.say('hello')).message).toBe('hello')
    expect(world.server.stats()).toMatchObject({ retried: 1, refused: 0 })
  })

  it('passes on how the app resets a call, before and in the middle of its answer', async () => {
    const codes = [http2.constants.NGHTTP2_REFUSED_STREAM, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM]
    const app = http2.createServer()
    app.on('stream', (stream, headers) => {
      stream.on('error', () => {}) // ours
      if (headers[':path'] === '/late') {
        stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.write('half', () => stream.close(codes[1]))
      } else stream.close(codes[0])
    })
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(await listening(app))
    using session = await openHttp2(world.url)
    for (const [at, path] of ['/early', '/late'].entries()) {
      const call = session.request({ ':method': 'POST', ':path': path, ':authority': HOST, 'content-type': 'application/grpc' })
      call.on('error', () => {}) // looked at below
      call.resume().end('x')
      await eventually(() => expect([call.closed, call.rstCode]).toEqual([true, codes[at]]))
    }
  })

  it('is served where TLS ends at the entrypoint', async () => {
    const [cert = '', key = '', ca = ''] = ['server.pem', 'server.key', 'ca.pem'].map(name =>
      readFileSync(new URL(`../../fixtures/certs/${name}`, import.meta.url), 'utf8')
    )
    await using app = await startGrpcApp()
    await using world = await startWorld({
      weights: [],
      server: { entrypoints: [{ host: '127.0.0.1', port: 0, tls: { cert, key } }], rules: [{ host: 'tunnel.test', tunnelId: TUNNEL }] }
    })
    await world.addSidecar(app.port)
    using client = new GrpcVisitor(world.server.entrypointPort, 'tunnel.test', grpc.credentials.createSsl(Buffer.from(ca)), {
      'grpc.ssl_target_name_override': 'tunnel.test'
    })
    expect((await client.say('over TLS')).message).toBe('over TLS')
  })

  it('ends a call with its connector, and the visitor hears of it', async () => {
    await using app = await startGrpcApp()
    await using world = await startWorld({ weights: [] })
    const sidecar = await world.addSidecar(app.port)
    using client = visitor(world)
    const chat = client.chat()
    let failure: grpc.ServiceError | undefined
    chat.on('error', (error: grpc.ServiceError) => {
      failure = error
    })
    chat.write('a')
    await new Promise(resolve => chat.once('data', resolve))
    await sidecar.close()
    await eventually(() => expect(failure?.code).toBeDefined())
    await eventually(() => expect(world.server.stats().active).toBe(0))
  })
})
