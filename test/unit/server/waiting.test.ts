/** Requests that wait for a connector that was cut off, on a clock that a test moves. */
import { describe, expect, it } from 'vitest'
import { Waiting } from '../../../src/server/waiting.ts'
import { type FakeClock, fakeClock } from '../../harness/fake-clock.ts'

interface Room {
  clock: FakeClock
  waiting: Waiting
  /** Of whoever asks: who was given out, by name, in the order of the answers. */
  answers: [string, string | undefined][]
  /** Connectors that can take one request each. */
  free: string[]
  ask(name: string, tunnelId?: string): { leave: () => void }
}

function room(limits: { rebindMs?: number; waiting?: number } = {}): Room {
  const clock = fakeClock()
  const waiting = new Waiting({ clock, limits: { rebindMs: 2_000, waiting: 10, ...limits } })
  const answers: Room['answers'] = []
  const free: string[] = []
  return {
    clock,
    waiting,
    answers,
    free,
    ask(name, tunnelId = 't') {
      const asked = { leave: (): void => {} }
      void waiting
        .wait(
          tunnelId,
          () => free.shift(),
          leave => (asked.leave = leave)
        )
        .then(taken => answers.push([name, taken]))
      return asked
    }
  }
}

describe('a request that nobody can take', () => {
  it('is refused at once when its tunnel lost nobody', async () => {
    const { clock, waiting, answers, ask } = room()
    waiting.lost('other')
    ask('a')
    await clock.advance(0)
    expect([answers, waiting.count, waiting.total]).toEqual([[['a', undefined]], 0, 0])
  })

  it('waits for a connector to come, also for one that takes it after others did not', async () => {
    const { clock, waiting, answers, free, ask } = room()
    waiting.lost('t')
    ask('a')
    ask('b')
    await clock.advance(500)
    waiting.came('other')
    waiting.came('t')
    await clock.advance(0)
    expect([answers, waiting.count]).toEqual([[], 2])
    free.push('x')
    waiting.came('t')
    await clock.advance(500)
    expect([answers, waiting.count]).toEqual([[['a', 'x']], 1])
    free.push('y')
    waiting.came('t')
    await clock.advance(0)
    expect([answers.at(-1), waiting.count, waiting.total]).toEqual([['b', 'y'], 0, 2])
  })

  it('waits until so long after the cut, whenever it came, and one that comes later does not wait', async () => {
    const { clock, waiting, answers, ask } = room()
    waiting.lost('t')
    ask('a')
    await clock.advance(1_900)
    ask('b')
    await clock.advance(99)
    expect(answers).toEqual([])
    await clock.advance(1)
    expect(answers).toEqual([
      ['a', undefined],
      ['b', undefined]
    ])
    ask('c')
    await clock.advance(0)
    expect([answers.length, waiting.count, clock.pending]).toEqual([3, 0, 0])
  })

  it('waits on when another connector of its tunnel is lost', async () => {
    const { clock, waiting, answers, free, ask } = room()
    waiting.lost('t')
    ask('a')
    await clock.advance(1_500)
    waiting.lost('t')
    await clock.advance(1_999)
    expect(answers).toEqual([])
    free.push('x')
    waiting.came('t')
    await clock.advance(0)
    expect(answers).toEqual([['a', 'x']])
  })

  it('is refused at once where as many wait as may', async () => {
    const { clock, waiting, answers, ask } = room({ waiting: 2 })
    waiting.lost('t')
    waiting.lost('u')
    ask('a')
    const second = ask('b', 'u')
    ask('c')
    await clock.advance(0)
    expect([answers, waiting.count]).toEqual([[['c', undefined]], 2])
    second.leave()
    second.leave()
    ask('d')
    await clock.advance(0)
    expect([answers.at(-1), waiting.count]).toEqual([['b', undefined], 2])
  })

  it('gets no connector once its visitor has left', async () => {
    const { clock, waiting, answers, free, ask } = room()
    waiting.lost('t')
    const asked = ask('a')
    free.push('x')
    waiting.came('t')
    asked.leave()
    await clock.advance(0)
    expect([answers, free]).toEqual([[['a', undefined]], ['x']])
  })

  it('waits for nothing once the server takes no connector any more', async () => {
    const { clock, waiting, answers, ask } = room()
    waiting.lost('t')
    ask('a')
    waiting.end()
    waiting.lost('t')
    ask('b')
    await clock.advance(0)
    expect([answers.map(([name]) => name), waiting.count, clock.pending]).toEqual([['a', 'b'], 0, 0])
  })
})
