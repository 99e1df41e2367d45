import { describe, expect, it } from 'vitest'
import { silent } from '../../../src/base/log.ts'
import { eventStream } from '../../../src/event/stream.ts'
import type { TargetState } from '../../../src/event/types.ts'
import type { Intercept, InterceptSettings } from '../../../src/session/options.ts'
import type { InterceptContext } from '../../../src/session/request.ts'
import { runAll } from '../../../src/session/run.ts'
import { eventually } from '../../harness/eventually.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

/** An intercept that is left as told, and somebody who takes it. */
function intercepted(name: string) {
  const { promise: taken, resolve: take } = Promise.withResolvers<void>()
  let state: TargetState = 'verified'
  const calls: string[] = []
  const fake = {
    name,
    taken,
    inFlight: 0,
    latencies: [],
    get state() {
      return state
    },
    start: async () => {},
    drain: async () => {
      calls.push('drain')
      state = 'ended'
      return { serving: true, line: `${name} is served` }
    },
    close: async () => void calls.push('close'),
    summary: () => ({ requests: 0, errors: 0, returned: 0, bytesIn: 0, bytesOut: 0, durationMs: 0 })
  }
  return { fake: fake as unknown as Intercept, calls, take }
}

function run(running: Intercept[]) {
  const clock = fakeClock()
  const drain = new AbortController()
  const context = {
    clock,
    log: silent,
    events: eventStream('test', clock),
    drain: drain.signal,
    now: new AbortController().signal,
    commands: { on: () => {} },
    memory: () => 0
  } as unknown as InterceptContext
  const settings = { graceMs: 10_000 } as InterceptSettings
  return { drain, ended: runAll({ running, chosen: [], context, settings, nextId: () => '1' }) }
}

describe('a session of which somebody takes over', () => {
  it('one target, leaves that one and goes on with the others', async () => {
    const [cart, shop] = [intercepted('cart'), intercepted('shop')]
    const { drain, ended } = run([cart.fake, shop.fake])
    cart.take()
    await eventually(() => expect(cart.calls).toEqual(['drain', 'close']))
    expect(shop.calls).toEqual([])
    drain.abort(new DOMException('stopped', 'AbortError'))
    expect(await ended).toEqual(['done', 0])
    expect(shop.calls).toEqual(['drain'])
  })

  it('all targets, ends with that reason and exit code 10', async () => {
    const [cart, shop] = [intercepted('cart'), intercepted('shop')]
    const { ended } = run([cart.fake, shop.fake])
    cart.take()
    shop.take()
    expect(await ended).toEqual(['takeover', 10])
  })

  it('what is being left already, leaves it once', async () => {
    const shop = intercepted('shop')
    const { drain, ended } = run([shop.fake])
    drain.abort(new DOMException('stopped', 'AbortError'))
    expect(await ended).toEqual(['done', 0])
    shop.take()
    expect(shop.calls).toEqual(['drain'])
  })
})
