import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import { idleConnections } from '../../../src/transport/idle-connections.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { eventually } from '../../harness/eventually.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

const open: Connection[] = []
afterEach(() => {
  for (const connection of open.splice(0)) connection.destroy()
})
function pair(): [mine: Connection, apps: Connection] {
  const both = memoryPair()
  open.push(...both)
  both[1].resume()
  return both
}

describe('idle connections', () => {
  it('hands out the one used last, each once', () => {
    const idle = idleConnections(fakeClock())
    const [first, second] = [pair()[0], pair()[0]]
    expect([idle.put(first), idle.put(second), idle.size]).toEqual([true, true, 2])
    expect([idle.take(), idle.take(), idle.take()]).toEqual([second, first, undefined])
  })

  it('closes one that nobody used for a second, and not the one used meanwhile', async () => {
    const clock = fakeClock()
    const idle = idleConnections(clock)
    const [unused, used] = [pair()[0], pair()[0]]
    idle.put(unused)
    await clock.advance(600)
    idle.put(used)
    await clock.advance(600)
    expect([unused.destroyed, used.destroyed, idle.size]).toEqual([true, false, 1])
    await clock.advance(1_500)
    expect([used.destroyed, idle.size, clock.pending]).toEqual([true, 0, 0])
  })

  it('keeps them longer where many wait at a time: such an app serves them side by side', async () => {
    const clock = fakeClock()
    const idle = idleConnections(clock)
    for (let count = 0; count < 9; count += 1) idle.put(pair()[0])
    await clock.advance(2_000)
    expect(idle.size).toBe(9)
    await clock.advance(3_000)
    expect(idle.size).toBe(0)
  })

  it.each([
    ['ends', (app: Connection) => app.end()],
    ['breaks', (app: Connection) => app.destroy()],
    ['speaks without being asked', (app: Connection) => app.write('408')]
  ])('lets go of one whose app %s', async (_what, does) => {
    const idle = idleConnections(fakeClock())
    const [mine, app] = pair()
    idle.put(mine)
    does(app)
    await eventually(() => expect([mine.destroyed, idle.size]).toEqual([true, 0]))
    expect(idle.take()).toBeUndefined()
  })

  it('leaves alone what happens to one that is in use', async () => {
    const idle = idleConnections(fakeClock())
    const [mine, app] = pair()
    idle.put(mine)
    idle.take()
    app.write('the answer')
    await eventually(() => expect(app.writableLength).toBe(0))
    expect(mine.destroyed).toBe(false)
  })

  it('takes none that is closed, ended, or has something on its way', async () => {
    const idle = idleConnections(fakeClock())
    const [ended, app] = pair()
    ended.resume()
    app.end()
    await eventually(() => expect(ended.readableEnded).toBe(true))
    const [busy] = pair()
    busy.cork()
    busy.write('not out yet')
    const [gone] = pair()
    gone.destroy()
    expect([ended, busy, gone].map(each => idle.put(each))).toEqual([false, false, false])
  })

  it('closes all it has, and takes no more', () => {
    const clock = fakeClock()
    const idle = idleConnections(clock)
    const [mine] = pair()
    idle.put(mine)
    idle.close()
    expect([mine.destroyed, idle.put(pair()[0]), clock.pending]).toEqual([true, false, 0])
  })
})
