import { expect, it } from 'vitest'
import { silent } from '../../../src/base/log.ts'
import { AnswerWatch, type WatchedStream } from '../../../src/server/answer-watch.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

class Stream implements WatchedStream {
  readonly openedAt: number
  answered = false
  overdue = false

  constructor(openedAt: number) {
    this.openedAt = openedAt
  }

  unanswered(): void {
    this.overdue = true
  }
}

/** A connector that is heard when a test says so. */
function start(peer: 'gost' | 'ours' = 'gost') {
  const clock = fakeClock(1_000)
  const session = { lastReceivedAt: clock.now() }
  const streams: Stream[] = []
  const watch = new AnswerWatch({
    session,
    streams: { values: () => streams },
    peer,
    limits: { unansweredOpenMs: 3_000, heartbeatMs: 2_000 },
    clock,
    log: silent,
    about: { connector: 'c', tunnel: 't' }
  })
  const open = (): Stream => {
    const stream = new Stream(clock.now())
    streams.push(stream)
    watch.opened()
    return stream
  }
  /** Time in which something comes now and then, but no answer. */
  const talk = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 500) {
      await clock.advance(500)
      session.lastReceivedAt = clock.now()
    }
  }
  return { clock, session, watch, open, talk }
}

it('suspects a connector that answers no stream and says nothing else, until it is heard again', async () => {
  const { clock, session, watch, open } = start()
  const before = open()
  before.answered = true
  const streams = [open(), open()]
  await clock.advance(2_900)
  expect(watch.suspect).toBe(false)
  await clock.advance(300)
  expect(watch.suspect).toBe(true)
  expect([before, ...streams].map(({ overdue }) => overdue)).toEqual([true, true, true])
  await clock.advance(100)
  session.lastReceivedAt = clock.now()
  expect(watch.suspect).toBe(false)
})

it('tells only the stream while a stock connector says other things', async () => {
  const { watch, open, talk } = start()
  const answered = open()
  answered.answered = true
  const slow = open()
  await talk(3_500)
  expect([answered.overdue, slow.overdue, watch.suspect]).toEqual([false, true, false])
})

it('lets a stream of ours wait as long as the heart of its connector beats', async () => {
  const { watch, open, talk } = start('ours')
  watch.control = { beating: true }
  const slow = open()
  await talk(20_000)
  expect([slow.overdue, watch.suspect]).toEqual([false, false])
})

it('waits no longer than for the next heartbeat', async () => {
  const { clock, watch, open } = start('ours')
  watch.control = { beating: true }
  await clock.advance(1_500)
  const stream = open()
  await clock.advance(400)
  expect([stream.overdue, watch.suspect]).toEqual([false, false])
  await clock.advance(300)
  expect([stream.overdue, watch.suspect]).toEqual([true, true])
})

it('suspects a silent stock connector without any stream, and nobody for the time in which this process stood still', async () => {
  const { clock, watch } = start()
  await clock.advance(15_000)
  expect(watch.suspect).toBe(false)
  await clock.advance(1)
  expect(watch.suspect).toBe(true)
  watch.resumed()
  expect(watch.suspect).toBe(false)
})

it('has a timer only while an answer is missing', async () => {
  const { clock, watch, open } = start()
  const stream = open()
  open().answered = true
  expect(clock.pending).toBe(1)
  stream.answered = true
  await clock.advance(3_000)
  expect(clock.pending).toBe(0)
  open()
  watch.stop()
  expect(clock.pending).toBe(0)
})
