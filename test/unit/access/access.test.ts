/** The proxy over the fake cluster: what clients of each kind get, and what they are told when they get nothing. */
import net from 'node:net'
import tls from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { parseForward } from '../../../src/access/forward.ts'
import { eventually } from '../../harness/eventually.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import type { FakeKubernetes } from '../../harness/fake-kubernetes.ts'
import { checkLeaks } from '../../harness/leaks.ts'
import { get, rawClient, socksRequest, throughConnect, throughSocks } from '../../harness/proxy-clients.ts'
import { accessWorld, endWorlds } from './world.ts'

checkLeaks()
afterEach(endWorlds)

const REQUEST = 'GET /hello HTTP/1.1\r\nHost: web\r\n\r\n'

describe('SOCKS5', () => {
  it('reaches a Service by its name, and spreads connections over its pods', async () => {
    const { access, apps } = await accessWorld()
    for (let time = 0; time < 4; time += 1) {
      const { client, reply } = await throughSocks(access.socksUrl, 'web.default.svc.cluster.local', 80)
      expect(reply).toBe(0)
      client.write(REQUEST)
      await client.until(/x-app: [ab]/)
    }
    expect(apps.map(app => app.counts.connections)).toEqual([2, 2])
  })

  it('carries protocols whose server speaks first', async () => {
    const { access } = await accessWorld()
    const { client } = await throughSocks(access.socksUrl, 'db', 5_432)
    expect(await client.until(/ready\n/)).toMatch(/ready\n/)
    client.write('select')
    await client.until(/SELECT/)
  })

  it('takes bytes that come before its reply', async () => {
    const { access } = await accessWorld()
    const client = await rawClient(access.socksUrl)
    client.write(Buffer.concat([socksRequest('web', 80), Buffer.from(REQUEST)]))
    expect(await client.until(/x-app: [ab]/)).toMatch(/x-app: [ab]/)
  })

  it('gives the whole answer to a client that has ended its sending', async () => {
    const { access } = await accessWorld()
    const { client } = await throughSocks(access.socksUrl, 'web', 80)
    client.socket.end('GET /size/300000 HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n')
    expect((await client.until(300_000 + 12)).length).toBeGreaterThan(300_000)
    await eventually(() => expect(client.ended).toBe(true))
  })

  it.each([
    ['UDP ASSOCIATE', 3],
    ['BIND', 2]
  ])('says that %s is not supported', async (name, command) => {
    const { access, said } = await accessWorld()
    const client = await rawClient(access.socksUrl)
    client.write(socksRequest('web', 80, command))
    await client.until(12)
    expect(client.received[3]).toBe(7)
    expect(said).toEqual([expect.stringContaining(`SOCKS ${name} is not supported`)])
  })

  it('tells a client of version 4 so', async () => {
    const { access, said } = await accessWorld()
    const client = await rawClient(access.socksUrl)
    client.write(Buffer.from([4, 1, 0, 80, 10, 0, 0, 1, 0]))
    await client.until(8)
    expect([client.received[1], said[0]]).toEqual([0x5b, expect.stringContaining('SOCKS4')])
  })

  it.each([
    ['a port that the Service has not', 'web', 81, 4],
    ['a Service without a selector', 'bare', 80, 5],
    ['a name that is none', 'a b', 80, 1],
    ['a port of this machine where nobody listens', '127.0.0.1', 1, 5]
  ])('answers %s with its reply code, and one line', async (_what, host, port, code) => {
    const { access, said } = await accessWorld()
    expect((await throughSocks(access.socksUrl, host, port)).reply).toBe(code)
    expect((await throughSocks(access.socksUrl, host, port)).reply).toBe(code)
    expect(said).toHaveLength(1)
  })
})

describe('the HTTP proxy', () => {
  it('takes whole URLs on a kept connection, each to its own destination', async () => {
    const { access, apps } = await accessWorld()
    const client = await rawClient(access.httpUrl)
    client.write('GET http://web/headers HTTP/1.1\r\nHost: wrong\r\nProxy-Connection: keep-alive\r\n\r\n')
    const head = await client.until(/"rawHeaders":\[.*\]}/)
    expect(head).toContain('"url":"/headers"')
    expect(head).toContain('"rawHeaders":["Host","web"]')
    client.write('GET http://web.default.svc/two HTTP/1.1\r\nHost: x\r\n\r\nGET http://web.default.svc/three HTTP/1.1\r\nHost: x\r\n\r\n')
    await eventually(() => expect(client.text.match(/HTTP\/1.1 200/g)).toHaveLength(3))
    // The kept connection served the last one.
    expect(apps.reduce((sum, app) => sum + app.counts.connections, 0)).toBe(2)
  })

  it('carries bodies with a length and in chunks, both ways', async () => {
    const { access } = await accessWorld()
    const client = await rawClient(access.httpUrl)
    const body = 'x'.repeat(200_000)
    client.write(`POST http://web/upload HTTP/1.1\r\nHost: web\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    expect(await client.until(/200000/)).toMatch(/200000/)
    client.write('POST http://web/echo HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n')
    await client.until(/hello[\s\S]*0\r\n\r\n$/)
    client.write('GET http://web/chunked/2 HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n')
    await client.until(/x-checksum: 2/i)
    await eventually(() => client.ended)
  })

  it('makes a tunnel of CONNECT', async () => {
    const { access } = await accessWorld()
    const { client, status } = await throughConnect(access.httpUrl, 'db:5432')
    expect(status).toBe(200)
    await client.until(/ready\n/)
  })

  it('passes an upgrade, and the bytes after it', async () => {
    const { access } = await accessWorld()
    const client = await rawClient(access.httpUrl)
    client.write('GET http://web/ HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\nfirst')
    expect(await client.until(/101 Switching[\s\S]*first/)).toMatch(/101 Switching[\s\S]*first/)
    client.write('second')
    await client.until(/second/)
  })

  it.each([
    ['GET / HTTP/1.1\r\n\r\n', /^HTTP\/1.1 400[\s\S]*this is a proxy/],
    ['GET https://web/ HTTP/1.1\r\n\r\n', /^HTTP\/1.1 400[\s\S]*CONNECT/],
    ['garbage\r\n\r\n', /^HTTP\/1.1 400/],
    ['\x16\x03\x01\x02\x00\x01\n', /^HTTP\/1.1 400/],
    [`GET http://web/ HTTP/1.1\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`, /^HTTP\/1.1 431/],
    ['POST http://web/ HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n', /^HTTP\/1.1 400/],
    ['POST http://web/upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n', /^HTTP\/1.1 400/],
    ['CONNECT bare:80 HTTP/1.1\r\n\r\n', /^HTTP\/1.1 502[\s\S]*no selector[\s\S]*--via-pod POD/],
    ['GET http://web.nowhere.svc/ HTTP/1.1\r\n\r\n', /^HTTP\/1.1 502[\s\S]*no Service web in namespace nowhere/]
  ])('answers %j in plain words', async (bytes, answer) => {
    const { access } = await accessWorld()
    const client = await rawClient(access.httpUrl)
    client.write(bytes)
    expect(await client.until(answer)).toMatch(answer)
    await eventually(() => expect(client.ended || client.broken).toBe(true))
  })

  it('tells the destination that its client has gone', async () => {
    const { access, apps } = await accessWorld()
    const client = await rawClient(access.httpUrl)
    client.write('GET http://web/freeze HTTP/1.1\r\nHost: web\r\n\r\n')
    await eventually(() => apps.some(app => app.counts.open > 0))
    client.socket.resetAndDestroy()
    await eventually(() => expect(apps.map(app => app.counts.open)).toEqual([0, 0]))
  })
})

describe('a pod', () => {
  it('that refuses is replaced by another', async () => {
    const { access, fake } = await accessWorld()
    fake.forwardPort('web-a', 8_080, undefined)
    for (let time = 0; time < 4; time += 1) expect(await get(access.httpUrl, 'http://web/')).toContain('x-app: b')
  })

  it('that has refused only after the bytes were sent is replaced too', async () => {
    const { access, apps } = await accessWorld()
    for (let time = 0; time < 4; time += 1) await get(access.httpUrl, 'http://web/')
    await apps[0].close()
    for (let time = 0; time < 4; time += 1) {
      const { client } = await throughSocks(access.socksUrl, 'web', 80)
      client.write(REQUEST)
      expect(await client.until(/x-app: b/)).toMatch(/x-app: b/)
      const post = await rawClient(access.httpUrl)
      post.write('POST http://web/echo HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\n\r\nhello')
      expect(await post.until(/x-app: b[\s\S]*hello/)).toMatch(/x-app: b[\s\S]*hello/)
    }
  })

  it('that is gone is replaced, and forgotten', async () => {
    const { access, fake } = await accessWorld()
    expect(await get(access.httpUrl, 'http://web/')).toContain('200 OK')
    fake.delete('pods', 'web-b')
    fake.closeForwards()
    for (let time = 0; time < 4; time += 1) expect(await get(access.httpUrl, 'http://web/')).toContain('x-app: a')
  })

  it('that vanishes within an answer resets the client, and the next one is served', async () => {
    const { access, fake } = await accessWorld()
    const { client } = await throughSocks(access.socksUrl, 'web', 80)
    client.write('GET /drip/1000/20 HTTP/1.1\r\nHost: web\r\n\r\n')
    await client.until(/xx/)
    fake.closeForwards()
    await eventually(() => client.broken)
    expect(await get(access.httpUrl, 'http://web/')).toContain('200 OK')
  })

  it('of which nobody listens where a port-forward comes in is explained', async () => {
    const { access, fake, said } = await accessWorld()
    fake.forwardPort('db-0', 5_432, undefined)
    const { status, client } = await throughConnect(access.httpUrl, 'db:5432')
    await client.until(/loopback/)
    expect([status, said[0]]).toEqual([502, expect.stringContaining('kubectl intercept access --via-pod db-0')])
  })
})

describe('who may not', () => {
  it('port-forward is told so at the start, and each client why', async () => {
    const prepare = (fake: FakeKubernetes): void => {
      for (const verb of ['get', 'create']) fake.forbid(verb, 'pods/portforward')
    }
    const { access, said } = await accessWorld({}, { prepare })
    expect(said).toEqual([expect.stringContaining('kubectl auth can-i create pods --subresource=portforward -n default')])
    expect((await throughSocks(access.socksUrl, 'web', 80)).reply).toBe(2)
    expect(await get(access.httpUrl, 'http://web/')).toMatch(/^HTTP\/1.1 403[\s\S]*kubectl auth can-i get pods --subresource=portforward/)
    expect(said).toHaveLength(2)
  })

  it('read Services is told so', async () => {
    const { access, fake } = await accessWorld()
    fake.forbid('get', 'services')
    expect(await get(access.httpUrl, 'http://web.default.svc/')).toMatch(/^HTTP\/1.1 403[\s\S]*may not get services/)
  })
})

describe('time', () => {
  it('of a client that stalls within its messages is limited', async () => {
    const clock = fakeClock()
    const { access } = await accessWorld({ clock })
    const socks = await rawClient(access.socksUrl)
    socks.write(Buffer.from([5, 200, 0]))
    const http = await rawClient(access.httpUrl)
    http.write('GET http://web/ HTTP/1.1\r\nHo')
    await eventually(async () => {
      await clock.advance(1_000)
      expect([socks.ended || socks.broken, http.text.split('\r\n')[0]]).toEqual([true, 'HTTP/1.1 408 Request Timeout'])
    })
    expect(clock.now()).toBeLessThan(60_000)
  })

  it('of a client that says nothing is limited, but long', async () => {
    const clock = fakeClock()
    const { access } = await accessWorld({ clock })
    const client = await rawClient(access.httpUrl)
    await eventually(() => clock.pending > 0)
    await clock.advance(299_000)
    expect(client.ended).toBe(false)
    await clock.advance(2_000)
    await client.closed()
  })

  it('of a client that stays after its refusal is limited', async () => {
    const clock = fakeClock()
    const { access } = await accessWorld({ clock })
    const { client } = await throughSocks(access.socksUrl, 'web', 81)
    await eventually(async () => {
      await clock.advance(1_000)
      client.write('still here')
      expect(client.broken).toBe(true)
    })
    expect(clock.now()).toBeLessThan(60_000)
  })

  it('of a finished connection in the pod ends with its client', async () => {
    const { access, apps } = await accessWorld()
    const { client } = await throughSocks(access.socksUrl, 'web', 80)
    client.write(REQUEST)
    await client.until(/x-app/)
    client.socket.end()
    await eventually(() => expect(apps.map(app => app.counts.open)).toEqual([0, 0]), { timeoutMs: 4_000 })
  })
})

describe('--forward', () => {
  it('listens for programs that know no proxy', async () => {
    const { access } = await accessWorld({ forwards: [parseForward('0:svc/db:pg'), parseForward('0:web:80')] })
    const [db, web] = access.forwards
    const client = await rawClient(db?.local.port ?? 0)
    expect(await client.until(/ready\n/)).toMatch(/ready\n/)
    const other = await rawClient(web?.local.port ?? 0)
    other.write(REQUEST)
    await other.until(/x-app/)
  })

  it('resets who cannot be served, with one line', async () => {
    const { access, fake, said } = await accessWorld({ forwards: [parseForward('0:svc/db:5432')] })
    fake.forwardPort('db-0', 5_432, undefined)
    const client = await rawClient(access.forwards[0]?.local.port ?? 0)
    await eventually(() => client.broken)
    expect(said).toHaveLength(1)
  })

  it.each([
    ['0:svc/nothing:80', 'TARGET_NOT_FOUND'],
    ['0:svc/web:81', 'TARGET_NOT_FOUND']
  ])('%s fails at the start: %s', async (text, code) => {
    await expect(accessWorld({ forwards: [parseForward(text)] })).rejects.toMatchObject({ code })
  })

  it('on a port that is taken fails at the start', async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as net.AddressInfo
    const forwards = [parseForward(`${port}:svc/web:80`)]
    await expect(accessWorld({ forwards })).rejects.toMatchObject({
      code: 'LOCAL_PORT_TAKEN',
      hint: expect.stringContaining('--forward 0:svc/web:80')
    })
    await new Promise(resolve => server.close(resolve))
  })
})

describe('beside the pods', () => {
  it('the API server is reached below TLS', async () => {
    const { access, fake } = await accessWorld()
    const { client, status } = await throughConnect(access.httpUrl, 'kubernetes.default:443')
    expect(status).toBe(200)
    const socket = tls.connect({ socket: client.socket, servername: 'localhost', rejectUnauthorized: false })
    await new Promise(resolve => socket.once('secureConnect', resolve))
    expect(socket.getPeerCertificate().subject).toBeDefined()
    expect(fake.requests.length).toBeGreaterThan(0)
    socket.destroy()
  })

  it('other hosts are dialled from this machine', async () => {
    const { access, apps, said } = await accessWorld()
    expect(await get(access.httpUrl, `http://127.0.0.1:${apps[0].port}/`)).toContain('x-app: a')
    expect(await get(access.httpUrl, 'http://nobody.invalid/')).toMatch(/^HTTP\/1.1 502/)
    expect(said).toEqual([expect.stringMatching(/^nobody\.invalid:80: /)])
  })

  it('a pod that was named dials what no port-forward reaches', async () => {
    let port = 0
    const asked: string[] = []
    const exec = (command: readonly string[]) => {
      asked.push(command.join(' '))
      return command[0] === 'socat' ? { pipe: port } : undefined
    }
    const { access, apps, fake } = await accessWorld({ viaPod: { namespace: 'default', pod: 'tools' } }, { exec })
    port = apps[0].port
    fake.forwardPort('db-0', 5_432, undefined)
    expect(await get(access.httpUrl, 'http://bare/')).toContain('x-app: a')
    expect(await get(access.httpUrl, 'http://db:5432/')).toContain('x-app: a')
    expect(asked).toEqual(['nc bare.default.svc 80', 'socat - TCP:bare.default.svc:80', 'socat - TCP:db.default.svc:5432'])
  })

  it('which has neither nc nor socat says so', async () => {
    const { access } = await accessWorld({ viaPod: { namespace: 'default', pod: 'tools' } }, { exec: () => undefined })
    expect(await get(access.httpUrl, 'http://bare/')).toMatch(/^HTTP\/1.1 502[\s\S]*neither nc nor socat/)
  })
})

it('closing ends every connection', async () => {
  const { access } = await accessWorld()
  const { client } = await throughSocks(access.socksUrl, 'db', 5_432)
  await client.until(/ready/)
  await access.close()
  await access.closed
  await eventually(() => expect(client.broken || client.ended).toBe(true))
})
