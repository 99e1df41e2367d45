import { describe, expect, it } from 'vitest'
import { silent } from '../../../src/base/log.ts'
import { receiveCopies } from '../../../src/mirror/receive.ts'
import { type CopyFacts, copyLine, encodeDropped } from '../../../src/tunnel/mirror-channel.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { startApp } from '../../harness/app.ts'
import { eventually } from '../../harness/eventually.ts'
import { copyOf, get, mirrorWorld, ok } from './world.ts'

const bytesOf = (request: string, response: string, by: Partial<CopyFacts> = {}): Buffer => {
  const copy = copyOf(request, response)
  return Buffer.concat([
    Buffer.from(copyLine({ source: copy.source, ms: copy.ms, ...by }, copy.request.length, copy.response.length)),
    copy.request,
    copy.response
  ])
}

describe('copies from a server of ours', () => {
  it('reach the local app; dropped ones are counted, broken ones and probes left out', async () => {
    await using app = await startApp()
    const world = mirrorWorld(app.port)
    const [server, laptop] = memoryPair()
    receiveCopies(laptop, { ...world.context, mirror: world.mirror, log: silent, isProbe: ({ request }) => request.includes('/probe') })
    server.write(
      Buffer.concat([
        bytesOf(get('/one'), ok('x')),
        bytesOf('no http at all', ok('x')),
        bytesOf(get('/probe'), ok('x')),
        encodeDropped({ slow: 3, large: 2 }),
        bytesOf(get('/two'), ok('x'))
      ])
    )
    await eventually(() => expect(world.mirror.counts).toMatchObject({ compared: 2, dropped: 5 }))
    expect(app.seen.map(({ path }) => path).sort()).toEqual(['/one', '/two'])
    await world.mirror.close()
  })

  it('say who answered: a pod is the cluster, a laptop is named', async () => {
    await using app = await startApp()
    const world = mirrorWorld(app.port)
    const [server, laptop] = memoryPair()
    receiveCopies(laptop, { ...world.context, mirror: world.mirror, log: silent, isProbe: () => false })
    server.write(bytesOf(get('/pod'), ok('x'), { by: 'nginx-1' }))
    server.write(bytesOf(get('/laptop'), ok('x'), { by: 'bob@two', agent: true }))
    await eventually(() => expect(world.mirror.counts.compared).toBe(2))
    const kept = Array.from({ length: world.context.store.size }, (_, index) => world.context.store.at(index))
    const told = kept.filter(each => each?.who !== 'mirror')
    expect(told).toMatchObject([
      { who: 'cluster', answeredBy: undefined, request: { path: '/pod' } },
      { who: 'other', answeredBy: 'bob@two', request: { path: '/laptop' } }
    ])
    await world.mirror.close()
  })

  it('end the stream when they are none', async () => {
    const world = mirrorWorld(1)
    const [server, laptop] = memoryPair()
    receiveCopies(laptop, {
      ...world.context,
      mirror: world.mirror,
      log: silent,
      isProbe: () => false
    })
    server.write('GET / HTTP/1.1\r\n\r\n')
    await eventually(() => expect(laptop.destroyed).toBe(true))
    await world.mirror.close()
  })
})
