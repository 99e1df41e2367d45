import { describe, expect, it } from 'vitest'
import type { Neighbour } from '../../../src/tunnel/control-channel.ts'
import { startConnector } from '../../../src/tunnel/connector.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { silent } from '../../../src/base/log.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import { openLink } from '../../../src/tunnel/link.ts'
import { HOST, startWorld, TUNNEL, type World } from '../server/world.ts'

const linkTo = (world: World, hello: Parameters<typeof openLink>[0]['hello']) =>
  openLink(
    {
      dial: dialWebSocket(dialTcp({ host: '127.0.0.1', port: world.server.tunnelPort }), { path: '/proxy' }),
      bind: { tunnelId: TUNNEL, weight: 255 },
      clock: systemClock,
      log: silent,
      hello,
      onStream: stream => stream.decline()
    },
    new AbortController().signal
  )

describe('a connector of ours on a server of ours', () => {
  it('is welcomed by the name of the server, and gets visitors from then on', async () => {
    await using world = await startWorld({ weights: [1], server: { name: 'proxy-0' } })
    const link = await linkTo(world, { kind: 'agent', who: 'ada@mill' })
    await expect(link.control?.welcome).resolves.toEqual({ server: expect.stringMatching(/^proxy-0 [0-9a-f]{8}$/), hosts: [HOST] })
    expect(world.server.stats().connectors.map(({ condition }) => condition)).toEqual(['live', 'live'])
    await link.close()
  })

  it('learns who takes the visitors once it is drained', async () => {
    await using world = await startWorld({ weights: [1] })
    const first = await linkTo(world, { kind: 'agent', who: 'ada@mill' })
    const second = await linkTo(world, { kind: 'agent', who: 'bob@fen' })
    const signal = new AbortController().signal
    const others = (link: typeof first): Promise<readonly Neighbour[] | undefined> | undefined => link.control?.drain(signal)
    await expect(others(first)).resolves.toEqual([{ kind: 'agent', who: 'bob@fen', weight: 255 }])
    await expect(others(second)).resolves.toEqual([{ kind: 'sidecar', weight: 1 }])
    await Promise.all([first.close(), second.close()])
  })

  it('is told why a filter is refused', async () => {
    await using world = await startWorld({ weights: [1] })
    const link = await linkTo(world, { kind: 'agent' })
    await expect(link.control?.filter('method:nothing or (', new AbortController().signal)).rejects.toMatchObject({
      code: 'TUNNEL_REJECTED',
      message: expect.stringContaining('cannot use this filter')
    })
    await link.close()
  })

  it('is not waited for without its name, and is nobody special then', async () => {
    await using world = await startWorld({ weights: [], limits: { helloMs: 50 } })
    const connector = startConnector({
      dial: dialWebSocket(dialTcp({ host: '127.0.0.1', port: world.server.tunnelPort }), { path: '/proxy' }),
      bind: { tunnelId: TUNNEL, weight: 1 },
      clock: systemClock,
      log: silent,
      onStream: stream => stream.decline()
    })
    await connector.ready
    expect(world.server.stats().connectors.map(({ condition }) => condition)).toEqual(['live'])
    await connector.close()
  })
})
