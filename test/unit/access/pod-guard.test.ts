import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { podGuard } from '../../../src/access/pod-guard.ts'
import type { Cluster } from '../../../src/kube/types.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { eventually } from '../../harness/eventually.ts'

function start(pods: Record<string, string | undefined>, fails = false) {
  const clock = fakeClock()
  const asked: string[] = []
  const get = (async (_kind: string, _namespace: string, name: string) => {
    asked.push(name)
    if (fails) throw new Error('away')
    return pods[name] === undefined ? undefined : { metadata: { name, uid: pods[name] } }
  }) as Cluster['get']
  const guard = podGuard({ get }, clock)
  const open = (pod: string) => {
    const [connection] = memoryPair()
    connection.on('error', () => {})
    guard.watch({ namespace: 'shop', pod }, connection)
    return connection
  }
  return { clock, asked, open }
}

describe('connections to a pod', () => {
  it('are ended when it is gone, those to others are not', async () => {
    const pods: Record<string, string | undefined> = { web: 'u1', db: 'u2' }
    const { clock, open } = start(pods)
    const [web, db] = [open('web'), open('db')]
    await clock.advance(2_000)
    pods['web'] = undefined
    await clock.advance(2_000)
    await eventually(() => web.destroyed)
    expect([web.errored?.message, db.destroyed]).toEqual(['pod web is gone', false])
  })

  it('are ended when another pod has its name', async () => {
    const pods: Record<string, string | undefined> = { db: 'u1' }
    const { clock, open } = start(pods)
    const db = open('db')
    await clock.advance(2_000)
    pods['db'] = 'u2'
    await clock.advance(2_000)
    await eventually(() => expect(db.errored).toMatchObject({ code: 'ECONNRESET' }))
  })

  it('go on while nothing is known, and are not asked about once they are closed', async () => {
    const { clock, asked, open } = start({ web: 'u1' }, true)
    const web = open('web')
    await clock.advance(2_000)
    await clock.advance(2_000)
    expect([web.destroyed, asked.length]).toEqual([false, 2])
    web.destroy()
    await once(web, 'close')
    await clock.advance(10_000)
    expect(asked).toHaveLength(2)
  })
})
