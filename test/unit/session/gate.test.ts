import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import type { Connection } from '../../../src/base/connection.ts'
import { silent } from '../../../src/base/log.ts'
import type { Summary } from '../../../src/event/types.ts'
import type { TunnelPlan } from '../../../src/resolve/types.ts'
import { answering } from '../../../src/session/answering.ts'
import { parseFilter } from '../../../src/filter/filter.ts'
import { subjectOf } from '../../../src/filter/subject.ts'
import { exchanges } from '../../../src/session/exchanges.ts'
import { type Decision, type Gate, type GateOptions, gate } from '../../../src/session/gate.ts'
import type { Guest } from '../../../src/session/guests.ts'
import { localApp } from '../../../src/transport/local-app.ts'
import { askedBy } from '../../../src/session/personal.ts'
import { probeBoard } from '../../../src/session/probe-board.ts'
import { PATH_PREFIX } from '../../../src/tunnel/probe-names.ts'
import { parseWho, WHO_HOST, whoLine } from '../../../src/route/who-else.ts'
import { ReturnOverflow, returnPath, type ReturnPath } from '../../../src/session/return-path.ts'
import type { Cluster } from '../../../src/kube/types.ts'
import { openSession } from '../../../src/smux/session.ts'
import type { BareStream } from '../../../src/smux/types.ts'
import type { TunnelStream } from '../../../src/tunnel/stream.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { eventually } from '../../harness/eventually.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** An HTTP app on loopback that says its name and what it was asked. */
async function app(name: string): Promise<{ port: number; seen: string[]; sockets: Set<unknown>; close: () => void }> {
  const seen: string[] = []
  const sockets = new Set<unknown>()
  const server = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    sockets.add(request.socket)
    request.resume()
    response.end(`${name} ${request.url}`)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  closing.push(close)
  return { port: (server.address() as AddressInfo).port, seen, sockets, close }
}

interface World {
  gate: Gate
  inFlight: () => number
  summary: () => Summary
  /** Connections to pods so far. */
  dialled: () => number
  board: ReturnType<typeof probeBoard>
  emit: ReturnType<typeof vi.fn>
  gaveUp: string[]
  /** Opens a stream as the tunnel server would; the far end is the visitor. */
  visit(request: string, destination?: string): Promise<string>
  open(destination?: string): Connection
  /** One request, after whose answer the server ends the stream. */
  ask(request: string): Promise<string>
}

const streamOf = (bare: BareStream, host: string): TunnelStream => ({
  bare,
  get connection() {
    return bare.connection
  },
  source: { host: '203.0.113.9', port: 1 },
  destination: { host, port: 80 },
  decline: () => bare.destroy()
})

function world(options: {
  port: number
  decide?: GateOptions['decide']
  looks?: boolean
  toGuest?: (guest: Guest) => Promise<Connection>
  perRequest?: boolean
  pod?: number
  overflow?: boolean
  keepalive?: boolean
}): World {
  const emit = vi.fn()
  const board = probeBoard()
  const gaveUp: string[] = []
  const local = localApp({ address: { host: '127.0.0.1', port: options.port }, clock: systemClock, onChange: () => {} })
  closing.push(() => local.close())
  const { pod } = options
  let dialled = 0
  // Only `forwarder` of a cluster is used here; the real one is covered by the e2e suite.
  const cluster = {
    forwarder: () => ({
      dial: async (port: number, signal: AbortSignal) => {
        const connection = await dialTcp({ host: '127.0.0.1', port })(signal)
        dialled += 1
        return connection
      },
      close: async () => {}
    })
  } as unknown as Cluster
  const back = returnPath({ cluster, clock: systemClock, emit, perSecond: 1_000, onLimit: () => {} })
  closing.push(async () => back.close())
  if (pod !== undefined) back.setTargets([{ namespace: 'shop', pod: 'nginx-1', port: pod, proxyProtocol: 0 }])
  const full: ReturnPath = { ...back, available: true, open: () => Promise.reject(new ReturnOverflow('too many')) }
  const wayBack = options.overflow === true ? full : back
  let ids = 0
  const told = exchanges({ clock: systemClock, emit, nextId: () => String((ids += 1)) })
  const made = gate({
    // The gate reads three fields of a plan.
    plan: { name: 'nginx', protocol: 'http', server: { peer: 'gost', keepalive: options.keepalive ?? false } } as unknown as TunnelPlan,
    local,
    returnPath: pod === undefined && options.overflow !== true ? undefined : wayBack,
    answering: answering(systemClock),
    board,
    exchanges: told,
    clock: systemClock,
    log: silent,
    decide: options.decide ?? (() => ({ to: 'local' })),
    toGuest: guest => options.toGuest?.(guest) ?? Promise.reject(new Error('no guest')),
    looks: () => options.looks ?? false,
    perRequest: () => options.perRequest ?? false,
    who: () => whoLine({ session: 's', user: 'me@here', weight: 255 }),
    onGiveUp: why => gaveUp.push(why)
  })
  closing.push(() => made.close())
  const open = (destination = 'nginx.local'): Connection => {
    const [near, far] = memoryPair()
    const onBare = (bare: BareStream): void => made.serve(streamOf(bare, destination), 'proxy-1')
    const connector = openSession(near, { role: 'server', clock: systemClock, onBare })
    const server = openSession(far, { role: 'client', clock: systemClock })
    closing.push(
      () => server.close(),
      () => connector.close()
    )
    return server.open()
  }
  return {
    gate: made,
    inFlight: () => told.inFlight,
    summary: () => told.summary(),
    dialled: () => dialled,
    board,
    emit,
    gaveUp,
    open,
    async ask(request) {
      const far = open()
      far.write(request)
      let text = ''
      far.on('data', chunk => (text += String(chunk)))
      await eventually(() => expect(text).toMatch(/\r\n\r\n./))
      far.destroy()
      await new Promise(resolve => setImmediate(resolve))
      return text
    },
    async visit(request, destination) {
      const far = open(destination)
      far.write(request)
      let text = ''
      for await (const chunk of far) text += String(chunk)
      return text
    }
  }
}

/** What a stock server sends: without a wish of the visitor its own stands at the end. */
const get = (path: string, connection = 'close'): string => `GET ${path} HTTP/1.1\r\nHost: nginx.local\r\nConnection: ${connection}\r\n\r\n`
const types = (emit: World['emit']): string[] => emit.mock.calls.map(([type]) => String(type))

/** An app that reads from its next connection when the one before is closed. */
async function oneAtATime(): Promise<number> {
  let turn = Promise.resolve()
  const server = net.createServer({ pauseOnConnect: true }, socket => {
    socket.on('error', () => {})
    turn = turn.then(
      () =>
        new Promise(resolve => {
          socket.once('close', () => resolve())
          socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none'))
          socket.resume()
        })
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  return (server.address() as AddressInfo).port
}

describe('gate', () => {
  it('hands a stream to the local app and tells the exchange', async () => {
    const { port } = await app('laptop')
    const { visit, emit } = world({ port })
    expect(await visit(get('/cart'))).toMatch(/200 OK[^]*laptop \/cart$/)
    await eventually(() => expect(types(emit)).toEqual(['exchange.started', 'exchange.request', 'exchange.response', 'exchange.completed']))
    expect(emit.mock.calls[0]?.[1]).toMatchObject({ who: 'laptop', source: '203.0.113.9:1' })
  })

  it('answers its own arrival probe without a word to the app', async () => {
    const { port, seen } = await app('laptop')
    const { open, board } = world({ port })
    const { arrived } = board.expect('abc')
    const far = open('abc.probe.invalid')
    expect(await arrived).toMatchObject({ connector: 'proxy-1' })
    await eventually(() => expect(far.destroyed || far.readableEnded || far.readable).toBe(true))
    expect(seen).toEqual([])
  })

  it('answers its own path probe, and lets a foreign one and real requests through', async () => {
    const { port, seen } = await app('laptop')
    const { visit, board } = world({ port })
    const { arrived, cancel } = board.expectPath('abc')
    expect(
      await visit(`HEAD ${PATH_PREFIX}abc HTTP/1.1\r\nHost: nginx.local\r\nGost-Forwarded-Node: n1\r\nConnection: close\r\n\r\n`)
    ).toContain('204')
    expect(await arrived).toEqual({ connector: 'proxy-1', node: 'n1' })
    expect(await visit(get(`${PATH_PREFIX}other`))).toContain('200 OK')
    expect(await visit(get('/cart'))).toContain('laptop /cart')
    cancel()
    expect(seen).toEqual([`GET ${PATH_PREFIX}other`, 'GET /cart'])
  })

  it('tells another session who takes the visitors, without a word to the app', async () => {
    const { port, seen } = await app('laptop')
    const { visit } = world({ port })
    expect(parseWho(await visit('', WHO_HOST))).toEqual({ session: 's', user: 'me@here', weight: 255 })
    expect(seen).toEqual([])
  })

  it('returns a request to the pod when the local port refuses, before it reached any app', async () => {
    const gone = await app('laptop')
    gone.close()
    const pod = await app('pod')
    const { visit, emit } = world({ port: gone.port, pod: pod.port })
    expect(await visit(get('/cart'))).toContain('pod /cart')
    await eventually(() => expect(types(emit)).toContain('exchange.completed'))
    expect(emit.mock.calls[0]?.[1]).toMatchObject({ who: 'returned', why: 'local-down' })
  })

  it('lets the visitor see a refusal without a return path, and gives up', async () => {
    const gone = await app('laptop')
    gone.close()
    const { visit, emit, gaveUp } = world({ port: gone.port })
    await expect(visit(get('/'))).resolves.toBe('')
    expect(gaveUp).toHaveLength(1)
    expect(types(emit)).toEqual(['exchange.started', 'exchange.aborted'])
  })

  it('keeps a thinned request here when the return path is full, and says so', async () => {
    const { port } = await app('laptop')
    const { visit, gaveUp } = world({ port, overflow: true, decide: () => ({ to: 'return', why: 'thinned' }) })
    expect(await visit(get('/cart'))).toContain('laptop /cart')
    expect(gaveUp).toEqual(['too many'])
  })

  it('ends a returned exchange by its framing, without waiting for the pod to close', async () => {
    const pod = await app('pod')
    const { visit } = world({ port: 1, pod: pod.port, decide: () => ({ to: 'return', why: 'thinned' }) })
    const started = performance.now()
    expect(await visit(get('/cart'))).toContain('pod /cart')
    expect(performance.now() - started).toBeLessThan(4_000) // Node keeps an idle connection for 5 s
  })

  it('lets go of a visitor that left before a pod was reached', async () => {
    const { port } = await app('pod')
    const { gate: made, emit, inFlight, dialled } = world({ port: 1, pod: port, decide: () => ({ to: 'return', why: 'thinned' }) })
    const session = openSession(memoryPair()[0], { role: 'server', clock: systemClock })
    closing.push(() => session.close())
    const bare = session.openBare()
    made.serve(streamOf(bare, 'nginx.local'), 'proxy-1')
    bare.destroy()
    await eventually(() => expect(dialled()).toBe(1))
    await eventually(() => expect(inFlight()).toBe(0))
    expect(emit.mock.calls.filter(([, body]) => body?.by === 'agent')).toEqual([])
  })

  it('asks a pod again on a connection that its app keeps, and ends each stream with its answer', async () => {
    const { port, sockets } = await app('pod')
    const { visit } = world({ port: 1, pod: port, decide: () => ({ to: 'return', why: 'thinned' }) })
    for (const path of ['/1', '/2', '/3']) expect(await visit(get(path))).toContain(`pod ${path}`)
    expect(sockets.size).toBe(1)
    expect(await visit('POST /4 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')).toContain('pod /4')
    expect(sockets.size).toBe(2)
  })

  it('sends a request to a pod once more when the app closed the kept connection under it', async () => {
    const seen: string[] = []
    const server = net.createServer(socket => {
      const isFirst = seen.length === 0
      socket.on('error', () => {})
      socket.on('data', data => {
        seen.push(String(data).split(' ')[1] ?? '')
        if (isFirst && seen.length > 1) socket.destroy()
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\npod')
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => server.close())
    const { visit, emit } = world({
      port: 1,
      pod: (server.address() as AddressInfo).port,
      decide: () => ({ to: 'return', why: 'thinned' })
    })
    expect(await visit(get('/1'))).toContain('pod')
    expect(await visit(get('/2'))).toContain('pod')
    expect(seen).toEqual(['/1', '/2', '/2'])
    expect(types(emit)).not.toContain('exchange.aborted')
  })

  it('asks again on a connection that the app keeps, and opens one for what may not be sent twice', async () => {
    const sockets = new Set<unknown>()
    const server = http.createServer((request, response) => {
      sockets.add(request.socket)
      request.resume()
      response.end(`laptop ${request.url}`)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => server.close())
    closing.push(() => server.closeAllConnections())
    const { ask } = world({ port: (server.address() as AddressInfo).port })
    for (const path of ['/1', '/2', '/3']) expect(await ask(get(path, 'keep-alive'))).toContain(`laptop ${path}`)
    expect(sockets.size).toBe(1)
    expect(await ask('POST /4 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')).toContain('laptop /4')
    expect(sockets.size).toBe(2)
    const lastOne = 'GET /5 HTTP/1.1\r\nConnection: close\r\nHost: nginx.local\r\n\r\n'
    expect(await ask(lastOne)).toContain('laptop /5')
    expect(sockets.size).toBe(3)
  })

  it('ends the stream with the answer, as a stock server asks, and keeps the connection to the app', async () => {
    const sockets = new Set<unknown>()
    const heads: http.IncomingHttpHeaders[] = []
    const server = http.createServer((request, response) => {
      sockets.add(request.socket)
      heads.push(request.headers)
      request.resume()
      response.end(`laptop ${request.url}`)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => server.close())
    closing.push(() => server.closeAllConnections())
    const { visit } = world({ port: (server.address() as AddressInfo).port })
    for (const path of ['/1', '/2', '/3']) expect(await visit(get(path))).toContain(`laptop ${path}`)
    expect(sockets.size).toBe(1)
    expect(heads.map(({ connection }) => connection)).toEqual([undefined, undefined, undefined])
  })

  it('lets an app that serves one connection at a time have the next one at once', async () => {
    const { visit } = world({ port: await oneAtATime() })
    for (const path of ['/1', '/2']) {
      expect(await visit(get(path))).toContain('one')
      const started = performance.now()
      expect(await visit('POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')).toContain('one')
      expect(performance.now() - started).toBeLessThan(900) // an idle connection is kept for 1 s
    }
  })

  it('sends a request once more when the app closed the kept connection under it', async () => {
    let first = true
    const seen: string[] = []
    const server = net.createServer(socket => {
      const closes = first
      first = false
      socket.on('error', () => {})
      socket.on('data', data => {
        seen.push(String(data).split(' ')[1] ?? '')
        if (closes && seen.length > 1) socket.destroy()
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nlaptop')
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => server.close())
    const { ask, emit } = world({ port: (server.address() as AddressInfo).port })
    expect(await ask(get('/1', 'keep-alive'))).toContain('laptop')
    expect(await ask(get('/2', 'keep-alive'))).toContain('laptop')
    expect(seen).toEqual(['/1', '/2', '/2'])
    await eventually(() => expect(types(emit).filter(type => type === 'exchange.completed')).toHaveLength(2))
    expect(types(emit)).not.toContain('exchange.aborted')
  })

  it('returns a request to the pod when the kept connection and the port closed under it', async () => {
    const pod = await app('pod')
    const server = net.createServer(socket => {
      let asked = 0
      socket.on('error', () => {})
      socket.on('data', () => {
        asked += 1
        if (asked === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nlaptop')
        else socket.destroy()
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { ask } = world({ port: (server.address() as AddressInfo).port, pod: pod.port })
    expect(await ask(get('/1', 'keep-alive'))).toContain('laptop')
    server.close()
    expect(await ask(get('/2', 'keep-alive'))).toContain('pod /2')
  })

  it('says that we cut off what still runs when everything must end', async () => {
    const silentApp = http.createServer(() => {})
    await new Promise<void>(resolve => silentApp.listen(0, '127.0.0.1', resolve))
    closing.push(
      () => silentApp.closeAllConnections(),
      () => silentApp.close()
    )
    const { gate: leaving, open, emit } = world({ port: (silentApp.address() as AddressInfo).port })
    open().write(get('/slow'))
    await eventually(() => expect(types(emit)).toContain('exchange.request'))
    leaving.close()
    await eventually(() => expect(types(emit)).toContain('exchange.aborted'))
    expect(emit.mock.calls.at(-1)?.[1]).toMatchObject({ by: 'agent', code: 'LEFT' })
  })

  it('decides request by request on a kept-alive stream', async () => {
    const laptop = await app('laptop')
    const pod = await app('pod')
    let turn = 0
    const decide = (): Decision => ((turn += 1) % 2 === 1 ? { to: 'local' } : { to: 'return', why: 'thinned' })
    const { visit } = world({ port: laptop.port, pod: pod.port, perRequest: true, keepalive: true, decide })
    const text = await visit(get('/1', 'keep-alive') + get('/2', 'keep-alive') + get('/3', 'keep-alive') + get('/4'))
    expect(text.match(/(?:laptop|pod) \/\d/g)).toEqual(['laptop /1', 'pod /2', 'laptop /3', 'pod /4'])
    expect(laptop.seen).toEqual(['GET /1', 'GET /3'])
  })

  describe('with a filter', () => {
    const ada = parseFilter('header.x-user:a')
    const decide: GateOptions['decide'] = ({ head, source }) =>
      ada.matches(askedBy(head, source)?.subject ?? subjectOf({ request: undefined })) ? { to: 'local' } : { to: 'return', why: 'filter' }
    const asks = (path: string, user: string, connection = 'close'): string =>
      `GET ${path} HTTP/1.1\r\nHost: nginx.local\r\nX-User: ${user}\r\nConnection: ${connection}\r\n\r\n`

    it('keeps what matches, sends back the rest and what it cannot read, byte for byte', async () => {
      const laptop = await app('laptop')
      const pod = await app('pod')
      const { ask, visit, emit } = world({ port: laptop.port, pod: pod.port, looks: true, decide })
      expect(await ask(asks('/mine', 'a'))).toContain('laptop /mine')
      expect(await ask(asks('/theirs', 'b'))).toContain('pod /theirs')
      expect(await ask(get('/nobodys'))).toContain('pod /nobodys')
      await visit('nonsense\r\n\r\n')
      expect(laptop.seen).toEqual(['GET /mine'])
      expect(emit.mock.calls.flatMap(([type, body]) => (type === 'exchange.started' ? [body.why] : []))).toEqual([
        undefined,
        'filter',
        'filter',
        'filter'
      ])
    })

    it('decides request by request on a kept-alive stream', async () => {
      const laptop = await app('laptop')
      const pod = await app('pod')
      const { visit, emit } = world({ port: laptop.port, pod: pod.port, looks: true, perRequest: true, keepalive: true, decide })
      const text = await visit(asks('/1', 'a', 'keep-alive') + asks('/2', 'b', 'keep-alive') + asks('/3', 'a'))
      expect(text.match(/(?:laptop|pod) \/\d/g)).toEqual(['laptop /1', 'pod /2', 'laptop /3'])
      expect(emit.mock.calls.flatMap(([type, body]) => (type === 'exchange.started' ? [body.why] : []))).toEqual([
        undefined,
        'filter',
        undefined
      ])
    })

    it.each([false, true])(
      'passes on what belongs to another session, and gives it to a pod when that fails (kept alive: %s)',
      async keepalive => {
        const laptop = await app('laptop')
        const pod = await app('pod')
        const bob = await app('bob')
        const guest: Guest = { session: 's', user: 'bob', tunnelId: 't', personal: undefined }
        let reachable = true
        const { visit, emit, summary } = world({
          port: laptop.port,
          pod: pod.port,
          looks: true,
          perRequest: keepalive,
          keepalive,
          decide: () => ({ to: 'guest', guest }),
          toGuest: () => (reachable ? dialTcp({ host: '127.0.0.1', port: bob.port })() : Promise.reject(new Error('gone')))
        })
        expect(await visit(asks('/1', 'b'))).toContain('bob /1')
        reachable = false
        expect(await visit(asks('/2', 'b'))).toContain('pod /2')
        expect(laptop.seen).toEqual([])
        const started = emit.mock.calls.flatMap(([type, body]) => (type === 'exchange.started' ? [body] : []))
        expect(started).toMatchObject([{ who: 'other', answeredBy: 'bob', why: 'filter' }, { who: 'returned' }])
        await eventually(() => expect(summary()).toMatchObject({ requests: 2, returned: 1, other: 1 }))
      }
    )

    it.each([false, true])("never serves here what is somebody else's, also where no pod takes it (kept alive: %s)", async keepalive => {
      const laptop = await app('laptop')
      const { visit } = world({ port: laptop.port, overflow: true, looks: true, perRequest: keepalive, keepalive, decide })
      expect(await visit(asks('/theirs', 'b'))).toBe('')
      expect(laptop.seen).toEqual([])
    })
  })

  it.each([true, false])('shows no probe of another session, and shows whoever only asks for its path (local app up: %s)', async up => {
    const laptop = await app('laptop')
    if (!up) laptop.close()
    const { visit, emit, summary, inFlight } = world({ port: laptop.port })
    const nonce = '0123456789abcdef0123456789abcdef'
    const path = `/.well-known/kubectl-intercept/${nonce}`
    const probe = `HEAD ${path} HTTP/1.1\r\nHost: nginx.local\r\nConnection: close\r\n\r\n`
    if (up) {
      expect(await visit(probe)).toContain('200 OK')
      await visit(probe.replace(nonce, `${nonce}.10bc451e-59dc-4c70-999e-91a30813ac78`))
      expect(laptop.seen).toHaveLength(2)
    } else await visit('', `${nonce}.probe.invalid`)
    await eventually(() => expect(inFlight()).toBe(0))
    expect([types(emit), summary().requests]).toEqual([[], 0])
    await visit(get(path))
    await eventually(() => expect(summary().requests).toBe(1))
    expect(types(emit)).toContain('exchange.started')
  })

  it('serves a thinned request of a kept-alive stream here when no pod can take it, and ends its exchange', async () => {
    const laptop = await app('laptop')
    const { visit, emit } = world({ port: laptop.port, overflow: true, perRequest: true, decide: () => ({ to: 'return', why: 'thinned' }) })
    expect(await visit(get('/cart'))).toContain('laptop /cart')
    await eventually(() => expect(types(emit)).toContain('exchange.completed'))
  })

  it('tells the end of an exchange whose app died within the answer', async () => {
    const broken = net.createServer(socket => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this'))
    })
    await new Promise<void>(resolve => broken.listen(0, '127.0.0.1', resolve))
    closing.push(() => broken.close())
    const { visit, emit } = world({ port: (broken.address() as AddressInfo).port, perRequest: true })
    expect(await visit(get('/cart', 'keep-alive'))).toContain('only this')
    await eventually(() => expect(types(emit)).toContain('exchange.aborted'))
  })
})
