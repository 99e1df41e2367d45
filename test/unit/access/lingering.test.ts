import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { Lingering } from '../../../src/access/relay.ts'
import type { Joined } from '../../../src/transport/splice.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

function joined(): Joined & { completed: boolean } {
  const one = {
    completed: false,
    stop: () => {},
    complete: () => {
      one.completed = true
    }
  }
  return one
}

function start(limit?: number) {
  const clock = fakeClock()
  const lingering = new Lingering(clock, limit)
  const add = (answered = true) => {
    const [one, client, upstream] = [joined(), new PassThrough(), new PassThrough()]
    upstream.resume()
    lingering.add(one, { client, upstream, answered })
    return { one, client, upstream }
  }
  return { clock, lingering, add }
}

describe('a connection whose client has ended', () => {
  it('after its answer is let go of after a second of silence', async () => {
    const { clock, add } = start()
    const { one } = add()
    await clock.advance(999)
    expect(one.completed).toBe(false)
    await clock.advance(1)
    expect(one.completed).toBe(true)
  })

  it('before its answer is not touched', async () => {
    const { clock, lingering, add } = start()
    add(false)
    await clock.advance(100_000)
    expect([lingering.size, clock.pending]).toEqual([0, 0])
  })

  it('stays while bytes flow, or wait for a slow reader', async () => {
    const { clock, add } = start()
    const { one, client, upstream } = add()
    await clock.advance(900)
    upstream.write('more')
    await new Promise(setImmediate)
    await clock.advance(900)
    expect(one.completed).toBe(false)
    client.cork()
    client.write('not taken')
    await clock.advance(5_000)
    expect(one.completed).toBe(false)
    client.uncork()
    client.resume()
    await new Promise(setImmediate)
    await clock.advance(1_000)
    expect(one.completed).toBe(true)
  })

  it('is let go of at once when many wait, the oldest first', () => {
    const { lingering, add } = start(2)
    const [first, second, third] = [add(), add(), add()]
    expect([first.one.completed, second.one.completed, third.one.completed, lingering.size]).toEqual([true, false, false, 2])
    lingering.delete(second.one)
    lingering.delete(third.one)
    expect(lingering.size).toBe(0)
  })
})
