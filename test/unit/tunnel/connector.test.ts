import { afterEach, describe, expect, it, vi } from 'vitest'
import { silent } from '../../../src/base/log.ts'
import { type Connector, type ConnectorChange, type ConnectorOptions, startConnector } from '../../../src/tunnel/connector.ts'
import type { TunnelStream } from '../../../src/tunnel/stream.ts'
import { eventually } from '../../harness/eventually.ts'
import { type FakeClock, fakeClock } from '../../harness/fake-clock.ts'
import { type RelayPeer, relayPeer } from '../../harness/relay-peer.ts'

const tunnelId = '4d21094e-b74c-4916-86c1-d9fa36ea677b'
const open: Connector[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(connector => connector.close()))
})

interface World {
  clock: FakeClock
  peer: RelayPeer
  connector: Connector
  changes: ConnectorChange[]
  streams: TunnelStream[]
}

function start(options: Partial<ConnectorOptions> = {}, mode: RelayPeer['mode'] = 'gost'): World {
  const clock = fakeClock()
  const peer = relayPeer(clock)
  peer.mode = mode
  const changes: ConnectorChange[] = []
  const streams: TunnelStream[] = []
  const connector = startConnector({
    dial: peer.dial,
    bind: { tunnelId, weight: 255 },
    clock,
    log: silent,
    onStream: stream => streams.push(stream),
    onChange: change => changes.push(change),
    ...options
  })
  open.push(connector)
  return { clock, peer, connector, changes, streams }
}

/** Time passes as it does on a machine: in steps, with what was sent delivered in between. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    await clock.advance(500)
    for (let turn = 0; turn < 3; turn += 1) await new Promise(resolve => setImmediate(resolve))
  }
}

const firstOf = (streams: readonly TunnelStream[]): Promise<TunnelStream> =>
  eventually(() => {
    const [stream] = streams
    if (stream === undefined) throw new Error('no stream yet')
    return stream
  })

const first = (peer: RelayPeer) => {
  const bound = peer.bound[0]
  if (bound === undefined) throw new Error('nothing bound')
  return bound
}

describe('a connector', () => {
  it('binds with its weight and knows a stock peer from one of ours', async () => {
    const stock = start()
    await stock.connector.ready
    expect(first(stock.peer).weight).toBe(255)
    expect(stock.connector.peer).toBe('gost')
    const ours = start({}, 'ours')
    await ours.connector.ready
    expect(ours.connector.peer).toBe('ours')
  })

  it('hands over a stream with who came and where to, and every byte after the open message', async () => {
    const { peer, connector, streams } = start()
    await connector.ready
    first(peer).open().write('GET / HTTP/1.1\r\n\r\n')
    const stream = await firstOf(streams)
    expect(stream.source).toEqual({ host: '203.0.113.9', port: 50_123 })
    expect(stream.destination).toEqual({ host: 'nginx.local', port: 80 })
    await eventually(() => expect(stream.connection.read()?.toString()).toBe('GET / HTTP/1.1\r\n\r\n'))
  })

  it('drops a stream with a bad open message and keeps serving its neighbours', async () => {
    const { peer, connector, streams } = start()
    await connector.ready
    const bad = first(peer).session.open()
    bad.on('error', () => {})
    bad.write(Buffer.from('09000000', 'hex'))
    first(peer).open()
    await eventually(() => expect(streams).toHaveLength(1))
    await eventually(() => expect(connector.active).toBe(1))
    expect(connector.phase).toBe('bound')
  })

  it.each([
    ['says unauthorized', { status: 2 }, 'TUNNEL_REJECTED', '--tunnel-auth'],
    ['closes without an answer', 'closing', 'TUNNEL_LOST', 'tunnel port'],
    ['answers something else', 'garbage', 'TUNNEL_REJECTED', 'list -o wide']
  ] as const)('rejects with a hint when the server %s, and does not go on', async (_name, mode, code, hint) => {
    const { peer, connector } = start({}, mode)
    await expect(connector.ready).rejects.toMatchObject({ code, hint: expect.stringContaining(hint) })
    expect(peer.dials).toBe(1)
  })

  it('gives up a bind that is never answered', async () => {
    const { clock, connector } = start({}, 'silent')
    const failed = connector.ready.catch((error: unknown) => error)
    await eventually(() => expect(clock.pending).toBeGreaterThan(0))
    await clock.advance(15_000)
    expect(await failed).toMatchObject({ code: 'TUNNEL_LOST' })
  })

  it('dials again after the server closed, with a growing pause', async () => {
    const { clock, peer, connector, changes } = start()
    await connector.ready
    first(peer).connection.destroy()
    await eventually(() => expect(changes.at(-1)?.to).toBe('lost'))
    expect(changes.at(-1)?.nextTryMs).toBeLessThanOrEqual(200)
    peer.mode = 'closing'
    await eventually(async () => {
      await clock.advance(500)
      expect(peer.dials).toBeGreaterThan(6)
    })
    const pauses = changes.flatMap(change => (change.nextTryMs === undefined ? [] : [change.nextTryMs]))
    expect(pauses.at(-1)).toBeGreaterThan(1_300)
    peer.mode = 'gost'
    await eventually(async () => {
      await clock.advance(1_000)
      expect(connector.phase).toBe('bound')
    })
  })

  it('finds a silent peer within five seconds and outnumbers its ghost for a minute', async () => {
    const { clock, peer, connector, changes } = start()
    await connector.ready
    first(peer).connection.pause()
    first(peer).connection.removeAllListeners('data')
    await pass(clock, 8_000)
    await eventually(() => expect(changes.some(change => change.to === 'lost')).toBe(true))
    await eventually(async () => {
      await clock.advance(100)
      expect(peer.bound).toHaveLength(10)
    })
    expect(new Set(peer.bound.map(each => each.weight))).toEqual(new Set([255]))
    await pass(clock, 62_000)
    await eventually(() => expect(peer.bound.filter(each => !each.connection.destroyed)).toHaveLength(1))
    expect(connector.phase).toBe('bound')
  })

  it('keeps a silent link, and serves on it when it is heard before another could be bound', async () => {
    const { clock, peer, connector, changes, streams } = start()
    await connector.ready
    const { connection } = first(peer)
    peer.mode = 'silent'
    connection.pause()
    await pass(clock, 8_000)
    await eventually(() => expect(changes.some(change => change.to === 'lost')).toBe(true))
    connection.resume()
    await eventually(async () => {
      await pass(clock, 500)
      expect(connector.phase).toBe('bound')
    })
    expect(peer.bound).toHaveLength(1)
    first(peer).open()
    await firstOf(streams)
  })

  it('lets a silent link that is heard again serve beside the new one, and then leaves it', async () => {
    const { clock, peer, connector, streams } = start()
    await connector.ready
    const { connection } = first(peer)
    connection.pause()
    await pass(clock, 8_000)
    await eventually(async () => {
      await pass(clock, 500)
      expect(peer.bound).toHaveLength(10)
    })
    connection.resume()
    first(peer).open()
    await firstOf(streams)
    await pass(clock, 2_000)
    expect(connector.active).toBe(1)
    for (const { connection: stream } of streams) stream.destroy()
    await pass(clock, 20_000)
    await eventually(() => expect(peer.bound.filter(each => !each.connection.destroyed)).toHaveLength(1))
    expect(connection.destroyed).toBe(true)
    expect(connector.phase).toBe('bound')
  })

  it('forgets a silent link when another weight is wanted, and leaves none behind when it closes', async () => {
    const { clock, peer, connector, changes } = start()
    await connector.ready
    peer.mode = 'silent'
    first(peer).connection.pause()
    await pass(clock, 8_000)
    await eventually(() => expect(changes.some(change => change.to === 'lost')).toBe(true))
    await connector.setWeight(1, new AbortController().signal)
    peer.mode = 'gost'
    await eventually(async () => {
      await pass(clock, 1_000)
      expect(connector.phase).toBe('bound')
    })
    expect(peer.bound.at(-1)?.weight).toBe(1)
    await connector.close()
    await eventually(async () => {
      await clock.advance(500)
      expect(peer.bound.filter(each => !each.connection.destroyed)).toEqual([])
    })
  })

  it('binds the new weight before it lets go of the old link', async () => {
    const { peer, connector } = start()
    await connector.ready
    const old = first(peer)
    let oldOpenAtBind = false
    peer.onBind = () => {
      oldOpenAtBind = !old.connection.destroyed && !old.connection.readableEnded
    }
    await connector.setWeight(1, new AbortController().signal)
    expect(oldOpenAtBind).toBe(true)
    expect(peer.bound[1]?.weight).toBe(1)
    await eventually(() => expect(old.connection.readableEnded || old.connection.destroyed).toBe(true))
  })

  it('keeps its weight and its link when the server does not take another', async () => {
    const { peer, connector } = start()
    await connector.ready
    peer.mode = 'closing'
    await expect(connector.rebind(1, new AbortController().signal)).rejects.toMatchObject({ code: 'TUNNEL_LOST' })
    expect(connector.weight).toBe(255)
    expect(connector.phase).toBe('bound')
    expect(first(peer).connection.destroyed).toBe(false)
  })

  it('stays withdrawn when it was withdrawn while the new weight was being bound', async () => {
    const { peer, connector } = start()
    await connector.ready
    const rebinding = connector.rebind(1, new AbortController().signal)
    await connector.withdraw(AbortSignal.abort())
    const retire = await rebinding
    await retire(new AbortController().signal)
    expect(connector.phase).toBe('withdrawn')
    await eventually(() => expect(peer.bound.filter(each => !each.connection.destroyed && !each.connection.readableEnded)).toEqual([]))
    connector.resume()
    await eventually(() => expect(connector.phase).toBe('bound'))
    expect(peer.bound.at(-1)?.weight).toBe(1)
  })

  it('binds anew when another weight was wanted while it was being bound', async () => {
    const { peer, connector } = start()
    await connector.rebind(7, new AbortController().signal)
    await connector.ready
    await eventually(() => expect(peer.bound.filter(each => !each.connection.readableEnded).map(each => each.weight)).toEqual([7]))
  })

  it('lets a running stream end before it withdraws, and takes traffic again on resume', async () => {
    const { peer, connector, streams } = start()
    await connector.ready
    first(peer).open()
    const stream = await firstOf(streams)
    const done = vi.fn()
    const withdrawn = connector.withdraw(new AbortController().signal).then(done)
    await new Promise(resolve => setImmediate(resolve))
    expect(done).not.toHaveBeenCalled()
    stream.connection.resume()
    stream.connection.destroy()
    await withdrawn
    expect(connector.phase).toBe('withdrawn')
    connector.resume()
    await eventually(() => expect(connector.phase).toBe('bound'))
  })

  it('stops waiting for streams when the grace is over', async () => {
    const { peer, connector, streams } = start()
    await connector.ready
    first(peer).open()
    await eventually(() => expect(streams).toHaveLength(1))
    await connector.withdraw(AbortSignal.abort())
    expect(connector.phase).toBe('withdrawn')
  })

  it('closes for good, twice the same, also while it dials', async () => {
    const { peer, connector } = start({}, 'silent')
    connector.ready.catch(() => {})
    const [one, two] = [connector.close(), connector.close()]
    expect(one).toBe(two)
    await one
    expect(connector.phase).toBe('closed')
    expect(peer.bound).toHaveLength(0)
  })
})
