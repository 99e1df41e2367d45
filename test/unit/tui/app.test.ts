import { render } from 'ink-testing-library'
import { createElement } from 'react'
import { describe, expect, it } from 'vitest'
import { maskHeaders } from '../../../src/capture/mask.ts'
import type { ExchangeLog } from '../../../src/capture/kept.ts'
import { eventStream } from '../../../src/event/stream.ts'
import { App } from '../../../src/tui/app.tsx'
import { Controller } from '../../../src/tui/controller.ts'
import type { Effect } from '../../../src/tui/model.ts'
import { eventually } from '../../harness/eventually.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { kept, keptRequest } from '../../harness/kept.ts'

const all = [kept({ id: '1' }), kept({ id: '2', request: keptRequest({ path: '/\u001b]0;owned\u0007' }) })]
const log: ExchangeLog = { version: 1, size: 2, started: 2, get: id => all.find(each => each.id === id), at: index => all[index] }

describe('App', () => {
  it('draws what the controller tells, hands it the keys, and lets no escape of the network through', async () => {
    const clock = fakeClock()
    const effects: Effect[] = []
    const controller = new Controller({
      clock,
      log,
      mask: maskHeaders(),
      timeOf: () => '12:04:31',
      frameMs: 100,
      perform: effect => void effects.push(effect)
    })
    const events = eventStream('test', clock)
    events.subscribe(event => controller.event(event))
    events.emit('target.state', { from: 'connecting', to: 'verified', cause: 'x', serving: 'laptop', detail: '38 ms' }, { target: 'nginx' })
    const { lastFrame, stdin, unmount } = render(createElement(App, { controller, colorless: true, generation: 0 }))
    await eventually(() => expect(lastFrame()).toMatch(/nginx {3}● verified 38 ms[^]*▸ 12:04:31[^]*q quit/))
    expect(lastFrame()).toContain('/\\x1b]0;owned\\x07')
    stdin.write('?')
    await eventually(() => expect(lastFrame()).toContain('this help'))
    stdin.write('q')
    await eventually(() => expect(effects).toEqual([{ kind: 'quit' }]))
    unmount()
    controller.close()
  })
})
