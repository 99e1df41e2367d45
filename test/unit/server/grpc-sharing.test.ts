/** gRPC calls that share connections to their app, each still given to a connector by itself. */
import http2, { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import net from 'node:net'
import type grpc from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../harness/eventually.ts'
import { GrpcVisitor, startGrpcApp } from '../../harness/grpc.ts'
import { openHttp2 } from '../../harness/http2-visit.ts'
import { listening } from '../../harness/listening.ts'
import { HOST, startWorld, type World } from './world.ts'

interface Counted {
  port: number
  /** Where new connections go. */
  to: number
  opened: number
  open: number
}

/** Counts the connections to an app, and can stay while the app is replaced. */
async function counted(to: number): Promise<Counted> {
  const counts: Counted = { port: 0, to, opened: 0, open: 0 }
  const relay = net.createServer(near => {
    counts.opened += 1
    counts.open += 1
    const far = net.connect(counts.to, '127.0.0.1')
    near
      .on('error', () => {})
      .once('close', () => {
        counts.open -= 1
        far.destroy()
      })
    far.on('error', () => {}).once('close', () => near.destroy())
    near.pipe(far).pipe(near)
  })
  counts.port = await listening(relay)
  return counts
}

/** Nothing is idle for too long, and fifty calls at once may take a moment here. */
const PATIENT = { appIdleMs: 60_000, firstByteTimeoutMs: 10_000 }
/** Not in node's types. */
const LENIENT: object = { strictSingleValueFields: false }
const AS_GRPC = { 'content-type': 'application/grpc' }

interface RawApp {
  server: http2.Http2Server
  port: number
  sessions: ServerHttp2Session[]
}

async function rawApp(serve: (stream: ServerHttp2Stream, body: string) => void, settings: http2.Settings = {}): Promise<RawApp> {
  const server = http2.createServer({ settings, maxSessionMemory: 100 })
  const app: RawApp = { server, port: 0, sessions: [] }
  server.on('session', session => app.sessions.push(session))
  server.on('stream', stream => {
    stream.on('error', () => {}) // ours
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => serve(stream, Buffer.concat(chunks).toString()))
  })
  app.port = await listening(server)
  return app
}

const say = (stream: ServerHttp2Stream, text: string): void => {
  stream.respond(AS_GRPC)
  stream.end(text)
}

/** Resolves with the body; rejects when the stream is reset. */
async function ask(session: http2.ClientHttp2Session, body: string, path = '/x'): Promise<string> {
  const stream = session.request({ ':method': 'POST', ':path': path, ':authority': HOST, ...AS_GRPC })
  stream.end(body)
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const visitor = (world: World): GrpcVisitor => new GrpcVisitor(world.server.entrypointPort, HOST)

describe('calls over one connector', () => {
  it('share one connection to the app, 200 at a time beside streams both ways', async () => {
    await using app = await startGrpcApp()
    const relay = await counted(app.port)
    await using world = await startWorld({ weights: [], limits: PATIENT })
    await world.addSidecar(relay.port)
    using one = visitor(world)
    using other = visitor(world)
    const chat = one.chat()
    const heard: string[] = []
    chat.on('data', (message: string) => heard.push(message))
    const repeat = other.repeat('again')
    await new Promise(resolve => repeat.once('data', resolve))
    const said = await Promise.all(Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? one : other).say(`m${at}`)))
    expect(said.map(({ message }) => message)).toEqual(Array.from({ length: 200 }, (_, at) => `m${at}`))
    chat.write('still here')
    await eventually(() => expect(heard).toEqual(['re: still here']))
    repeat.on('error', () => {}) // cancelled
    repeat.cancel()
    chat.end()
    await new Promise(resolve => chat.once('end', resolve))
    // A second one only while more than 128 are in progress.
    expect(relay.opened).toBeLessThanOrEqual(2)
    await eventually(() => expect(world.server.stats()).toMatchObject({ active: 0, refused: 0, requests: 202 }))
    const { opened } = relay
    await one.say('later')
    expect(relay.opened).toBe(opened)
  })

  it('are never more at a time on one connection than the app allows', async () => {
    const waiting: ServerHttp2Stream[] = []
    const bySession = new Map<unknown, number>()
    const app = await rawApp(
      stream => {
        waiting.push(stream)
        bySession.set(stream.session, (bySession.get(stream.session) ?? 0) + 1)
        if (waiting.length === 40) for (const each of waiting) say(each, 'all')
      },
      { maxConcurrentStreams: 10 }
    )
    await using world = await startWorld({ weights: [], limits: PATIENT })
    await world.addSidecar(app.port)
    using session = await openHttp2(world.url)
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(session, 'x')))
    expect(new Set(answers)).toEqual(new Set(['all']))
    expect([...bySession.values()]).toEqual([10, 10, 10, 10])
  })

  it('leave no connection open for long, and none to wait for when the connector stops', async () => {
    await using app = await startGrpcApp()
    const relay = await counted(app.port)
    await using quick = await startWorld({ weights: [], limits: { appIdleMs: 50 } })
    await quick.addSidecar(relay.port)
    using client = visitor(quick)
    await client.say('x')
    await eventually(() => expect([relay.opened, relay.open]).toEqual([1, 0]))

    await using world = await startWorld({ weights: [], limits: PATIENT })
    const sidecar = await world.addSidecar(relay.port)
    using other = visitor(world)
    await other.say('x')
    expect(relay.open).toBe(1)
    const patience = AbortSignal.timeout(4_000)
    await sidecar.stop(patience)
    expect(patience.aborted).toBe(false)
    await eventually(() => expect(relay.open).toBe(0))
  })

  it('whose visitors do not read leave the others what they need', async () => {
    const app = await rawApp((stream, body) => {
      stream.respond(AS_GRPC)
      if (body === 'short') stream.end('short')
      else stream.write(Buffer.alloc(1_000_000))
    })
    await using world = await startWorld({ weights: [], limits: PATIENT })
    await world.addSidecar(app.port)
    using greedy = await openHttp2(world.url)
    for (let at = 0; at < 40; at += 1) {
      const stalled = greedy.request({ ':method': 'POST', ':path': '/x', ':authority': HOST, ...AS_GRPC })
      stalled.on('error', () => {}) // ended with its session
      stalled.end('long')
    }
    await eventually(() => expect(world.server.stats().active).toBe(40))
    using session = await openHttp2(world.url)
    expect(await ask(session, 'short')).toBe('short')
  })
})

describe('an app that goes away', () => {
  it('is found again when it was restarted', async () => {
    const before = await startGrpcApp()
    const relay = await counted(before.port)
    await using world = await startWorld({ weights: [], limits: PATIENT })
    await world.addSidecar(relay.port)
    using client = visitor(world)
    await client.say('x')
    const chat = client.chat()
    const failed = new Promise<grpc.ServiceError>(resolve => chat.once('error', resolve))
    chat.write('x')
    await new Promise(resolve => chat.once('data', resolve))
    await before[Symbol.asyncDispose]()
    await failed
    await using after = await startGrpcApp()
    relay.to = after.port
    await Promise.all(Array.from({ length: 20 }, () => client.say('y')))
    expect([after.counts.calls, relay.opened]).toEqual([20, 2])
  })

  it.each([
    ['finishes the older ones', constants.NGHTTP2_NO_ERROR],
    ['ends the older ones where it says that something is wrong', constants.NGHTTP2_ENHANCE_YOUR_CALM]
  ])('gets calls that crossed its GOAWAY on another connection, and %s', async (_, code) => {
    let first: ServerHttp2Stream | undefined
    const bodies: string[] = []
    const app = await rawApp((stream, body) => {
      bodies.push(body)
      if (first === undefined) first = stream
      // Says that it has not looked at this call, as one that crossed.
      else if (stream.session === first.session) stream.session?.goaway(code, first.id)
      else say(stream, `${body} on another`)
    })
    await using world = await startWorld({ weights: [], limits: PATIENT })
    await world.addSidecar(app.port)
    using session = await openHttp2(world.url)
    const older = ask(session, 'older')
    await eventually(() => first !== undefined)
    expect(await ask(session, 'newer')).toBe('newer on another')
    if (first?.destroyed === false) say(first, 'done')
    expect([await older, bodies, app.sessions.length]).toEqual([code === 0 ? 'done' : '', ['older', 'newer', 'newer'], 2])
    expect(world.server.stats().retried).toBe(1)
  })

  it('loses nothing of a call that it refuses while another one is there', async () => {
    const bodies: string[] = []
    const busy = await rawApp((stream, body) => {
      bodies.push(body)
      stream.close(constants.NGHTTP2_REFUSED_STREAM)
    })
    const idle = await rawApp((stream, body) => say(stream, body))
    await using world = await startWorld({ weights: [], limits: PATIENT, server: { random: () => 0 } })
    await world.addSidecar(busy.port)
    await world.addSidecar(idle.port)
    using session = await openHttp2(world.url)
    const body = 'x'.repeat(200_000)
    expect(await ask(session, body)).toBe(body)
    expect([bodies, world.server.stats().retried]).toEqual([[body], 1])
  })

  it('gets a call a second time in no other case', async () => {
    let asked = 0
    const app = await rawApp(stream => {
      asked += 1
      stream.session?.destroy()
    })
    await using world = await startWorld({ weights: [], limits: PATIENT })
    await world.addSidecar(app.port)
    await world.addSidecar(app.port)
    using session = await openHttp2(world.url)
    await ask(session, 'x').catch(() => {}) // refused by a status, without a body
    expect([asked, world.server.stats()]).toMatchObject([1, { refusals: { 'app-closed': 1 }, retried: 0 }])
  })
})

describe('metadata', () => {
  it('that comes twice passes twice, both ways', async () => {
    const twice = (...values: string[]): http2.OutgoingHttpHeaders => Object.fromEntries([['x-content-type-options', values]])
    const heard: string[] = []
    const app = http2.createServer(LENIENT)
    app.on('stream', (stream, _headers, _flags, raw) => {
      heard.push(...raw.filter((_, at) => raw[at - 1] === 'x-content-type-options'))
      stream.respond({ ...AS_GRPC, ...twice('a', 'b') })
      stream.end()
    })
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(await listening(app))
    using session = await openHttp2(world.url, LENIENT)
    const call = session.request({ ':method': 'POST', ':path': '/x', ':authority': HOST, ...AS_GRPC, ...twice('c', 'd') })
    const answered = new Promise<string[]>(resolve => call.once('response', (_headers, _flags, raw: string[]) => resolve(raw)))
    call.resume().end()
    const raw = await answered
    expect(raw.filter((_, at) => raw[at - 1] === 'x-content-type-options')).toEqual(['a', 'b'])
    expect(heard).toEqual(['c', 'd'])
  })
})

describe('several connectors', () => {
  it('are chosen for each call, and one at 255 has all new ones at once', async () => {
    await using pods = await startGrpcApp()
    await using mine = await startGrpcApp()
    await using world = await startWorld({ weights: [], limits: PATIENT })
    await world.addSidecar(pods.port)
    using client = visitor(world)
    const chat = client.chat()
    const heard: string[] = []
    chat.on('data', (message: string) => heard.push(message))
    chat.write('a')
    await eventually(() => expect(heard).toEqual(['re: a']))
    await Promise.all(Array.from({ length: 20 }, () => client.say('x')))
    const holder = await world.addSidecar(mine.port, { weight: 255 })
    await Promise.all(Array.from({ length: 20 }, () => client.say('x')))
    expect([pods.counts.calls, mine.counts.calls]).toEqual([21, 20])
    chat.write('b')
    await eventually(() => expect(heard).toEqual(['re: a', 're: b']))
    await holder.stop(AbortSignal.timeout(4_000))
    await client.say('x')
    expect([pods.counts.calls, mine.counts.calls]).toEqual([22, 20])
    chat.end()
    await new Promise(resolve => chat.once('end', resolve))
  })

  it('finish what runs when they stop, and get no more', async () => {
    await using old = await startGrpcApp()
    await using next = await startGrpcApp()
    await using world = await startWorld({ weights: [], limits: PATIENT })
    const leaving = await world.addSidecar(old.port)
    using client = visitor(world)
    const chat = client.chat()
    const heard: string[] = []
    chat.on('data', (message: string) => heard.push(message))
    chat.write('a')
    await eventually(() => expect(heard).toEqual(['re: a']))
    await world.addSidecar(next.port)
    let stopped = false
    const stopping = leaving.stop(AbortSignal.timeout(10_000)).then(() => (stopped = true))
    await eventually(() => expect(world.server.stats().connectors[0]).toMatchObject({ condition: 'draining', active: 1 }))
    await Promise.all(Array.from({ length: 10 }, () => client.say('x')))
    expect([old.counts.calls, next.counts.calls]).toEqual([1, 10])
    chat.write('b')
    await eventually(() => expect([heard, stopped]).toEqual([['re: a', 're: b'], false]))
    chat.end()
    await stopping
  })

  it('end nobody else with them', async () => {
    await using one = await startGrpcApp()
    await using other = await startGrpcApp()
    let draw = 0
    await using world = await startWorld({ weights: [], limits: PATIENT, server: { random: () => draw } })
    const doomed = await world.addSidecar(one.port)
    await world.addSidecar(other.port)
    using client = visitor(world)
    const failed: string[] = []
    const talk = async (name: string, at: number): Promise<() => Promise<unknown>> => {
      draw = at
      const chat = client.chat()
      chat.on('error', () => failed.push(name))
      const heard = (): Promise<unknown> => {
        chat.write(name)
        return new Promise(resolve => chat.once('data', resolve))
      }
      await heard()
      return heard
    }
    await talk('doomed', 0)
    const lasting = await talk('lasting', 0.9)
    expect([one.counts.calls, other.counts.calls]).toEqual([1, 1])
    await doomed.close()
    await eventually(() => expect(failed).toEqual(['doomed']))
    draw = 0
    expect((await client.say('x')).message).toBe('x')
    expect([await lasting(), failed]).toEqual(['re: lasting', ['doomed']])
  })
})
