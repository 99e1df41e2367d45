/** What the other cases with gost rest on: stock server and stock client, started by the harness, serve an app. */
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { dialTcp } from '../../src/transport/tcp.ts'
import { dialWebSocket } from '../../src/transport/websocket.ts'
import { askPeer } from '../../src/tunnel/handshake.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { type GostVersion, startGost, startGostClient, startGostServer } from '../harness/gost.ts'
import { visit } from '../harness/visit.ts'

const versions: readonly GostVersion[] = ['ga', 'nightly']

describe.each(versions)('stock gost %s', version => {
  it('serves an app through server and client', async () => {
    const tunnelId = randomUUID()
    await using app = await startApp({ name: 'pod' })
    await using server = await startGostServer({ version, hosts: [['nginx.local', tunnelId]] })
    await using client = await startGostClient({ version, serverPort: server.tunnelPort, tunnelId, target: app.address })
    const answer = await visit(`${server.entrypoint}/hello`, { host: 'nginx.local' })
    expect(answer).toMatchObject({ status: 200, text: 'pod\n' })
    expect(app.seen.map(request => request.path)).toEqual(['/hello'])
    expect(client.status()).toBeUndefined()
  })

  it('answers 502 for a host that no rule knows and 503 for a tunnel without connector', async () => {
    await using server = await startGostServer({ version, hosts: [['known.local', randomUUID()]] })
    expect((await visit(server.entrypoint, { host: 'unknown.local' })).status).toBe(502)
    expect((await visit(server.entrypoint, { host: 'known.local' })).status).toBe(503)
  })

  it('gives everything to a connector of weight 255 while it lives', async () => {
    const tunnelId = randomUUID()
    await using pod = await startApp({ name: 'pod' })
    await using laptop = await startApp({ name: 'laptop' })
    await using server = await startGostServer({ version, hosts: [], wildcard: ['nginx.local', tunnelId] })
    const common = { version, serverPort: server.tunnelPort, tunnelId }
    await using sidecar = await startGostClient({ ...common, target: pod.address, weight: 1 })
    const client = await startGostClient({ ...common, target: laptop.address, weight: 255 })
    const ask = async (): Promise<string> => (await visit(server.entrypoint, { host: 'a.nginx.local' })).text
    expect(await Promise.all(Array.from({ length: 20 }, ask))).toEqual(Array(20).fill('laptop\n'))
    await client.stop()
    await eventually(async () => expect(await ask()).toBe('pod\n'))
    expect(sidecar.status()).toBeUndefined()
  })

  it('is told from one of ours by a question that binds nobody, and needs no credentials', async () => {
    const tunnelId = randomUUID()
    await using server = await startGostServer({ version, hosts: [['nginx.local', tunnelId]], auth: 'user:secret' })
    const dial = dialWebSocket(dialTcp({ host: '127.0.0.1', port: server.tunnelPort }), { path: '/proxy' })
    const signal = AbortSignal.timeout(5_000)
    const asked = await askPeer(await dial(signal), { clock: systemClock, timeoutMs: 5_000, signal })
    expect(asked).toBe('gost')
    expect((await visit(server.entrypoint, { host: 'nginx.local' })).status).toBe(503)
  })

  it('refuses a connector without the credentials', async () => {
    const tunnelId = randomUUID()
    await using server = await startGostServer({ version, hosts: [['nginx.local', tunnelId]], auth: 'user:secret' })
    const common = { version, serverPort: server.tunnelPort, tunnelId, target: '127.0.0.1:9' }
    await using stranger = await startGostClient({ ...common, waitForBind: false })
    await eventually(() => expect(stranger.log()).toMatch(/failed|unauthorized/i))
    await using friend = await startGostClient({ ...common, auth: 'user:secret' })
    expect(friend.log()).toContain('OK')
  })

  it('tells why a gost that cannot start did not', async () => {
    await expect(startGost({ version, args: ['-L', 'nonsense'], ready: 1, timeoutMs: 3_000 })).rejects.toThrow(/is not ready/)
  })
})
