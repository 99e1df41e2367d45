/** `--mirror` of a session on our own server: the pods answer, the laptop gets copies, and its loss is nobody's. */
import { describe, expect, it } from 'vitest'
import type { EventType, SessionEvent } from '../../src/event/types.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { serverPlan, tunnelPlan } from '../harness/plans.ts'
import { visit } from '../harness/visit.ts'
import { HOST, type RunningSession, runningSession, sessionOf } from './running-session.ts'

const mirror = { rate: 1, ignored: new Set(['x-app']) }

const ask = async ({ server }: RunningSession, path: string): Promise<string> => {
  const { status, headers } = await visit(`http://127.0.0.1:${server.entrypointPort}${path}`, { host: HOST })
  return `${status} ${String(headers['x-app'])}`
}

const of = <T extends EventType>({ events }: RunningSession, type: T) =>
  events.filter((event): event is Extract<SessionEvent, { type: T }> => event.type === type)

describe('a mirrored tunnel of our server', () => {
  it('is verified by the welcome, serves nobody, and compares the answers of pod and laptop', async () => {
    await using running = await runningSession('ours', { mirror })
    await running.state('verified')
    expect(of(running, 'target.state').at(-1)).toMatchObject({ serving: 'cluster', detail: '– mirroring' })
    expect(of(running, 'intercept.changed')).toMatchObject([{ mirror: true, share: 0 }])
    for (const path of ['/size/10', '/status/404', '/']) expect(await ask(running, path)).toMatch(/ pod$/)
    await eventually(() => expect(of(running, 'exchange.compared')).toHaveLength(3))
    // Each app answers `/` with its name.
    expect(of(running, 'exchange.compared').filter(({ equal }) => equal)).toHaveLength(2)
    expect(running.laptop.counts.requests).toBe(3)
    expect(running.session.summary()).toMatchObject({ requests: 3, mirror: { compared: 3, different: 1, dropped: 0 } })
    const report = await running.session.drain(new AbortController().signal)
    expect(report.serving).toBe(true)
    expect(await ask(running, '/')).toBe('200 pod')
  })

  it('goes on while the local app is down: copies are counted, and come again with it', async () => {
    await using running = await runningSession('ours', { mirror })
    await running.state('verified')
    const { port } = running.laptop
    await running.laptop.close()
    for (let n = 0; n < 5; n += 1) expect(await ask(running, '/')).toBe('200 pod')
    await eventually(() => expect(running.session.summary().mirror).toEqual({ compared: 0, different: 0, dropped: 5 }))
    expect(running.session.state).toBe('verified')
    expect(of(running, 'local.state')).toMatchObject([{ up: false }])
    await using again = await startApp({ name: 'pod', port })
    expect(await ask(running, '/')).toBe('200 pod')
    await eventually(() => expect(again.counts.requests).toBe(1))
    await eventually(() => expect(running.session.summary().mirror?.compared).toBe(1))
  })

  it('has no share that could be changed, and can be held and released', async () => {
    await using running = await runningSession('ours', { mirror })
    await running.state('verified')
    expect(() => running.session.check({ kind: 'weight', weight: 255 })).toThrow(/is mirrored/)
    await running.session.change({ kind: 'hold' }, 'control')
    await ask(running, '/held')
    await running.session.change({ kind: 'release' }, 'control')
    await running.state('verified')
    await ask(running, '/released')
    await eventually(() => expect(running.laptop.seen.map(({ path }) => path)).toEqual(['/released']))
  })

  it('leaves under load without a failed request', async () => {
    await using running = await runningSession('ours', { mirror })
    await running.state('verified')
    const answers: Promise<string>[] = []
    const asking = (async () => {
      for (let n = 0; n < 200; n += 1) {
        answers.push(ask(running, `/slow/5?${n}`))
        await new Promise(setImmediate)
      }
    })()
    await eventually(() => expect(running.laptop.counts.requests).toBeGreaterThan(5))
    await running.session.drain(new AbortController().signal)
    await asking
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['200 pod']))
  })
})

describe('a mirror in front of a stock server', () => {
  it('is refused where no pod can be reached from here', () => {
    const plan = tunnelPlan({ hosts: [HOST], server: serverPlan({ peer: 'gost' }) })
    expect(() => sessionOf(plan, { tunnelPort: 1, entrypointPort: 1, appPort: 1 }, { mirror })).toThrow(/copies nothing.*no way back/)
  })
})
