/** Changes of a running session against a server of ours, in every state that a session may be in. */
import { describe, expect, it } from 'vitest'
import { crowd, tally } from '../harness/visitors.ts'
import { HOST, runningSession, type RunningSession } from './running-session.ts'

const who = async ({ server }: RunningSession, count = 200): Promise<Record<string, number>> =>
  tally(
    await crowd({ host: '127.0.0.1', port: server.entrypointPort, name: HOST, count }),
    ({ status, body }) => `${status} ${body.trim()}`
  )

const told = ({ events }: RunningSession, type: string) => events.filter(event => event.type === type)

describe('a change of a running session', () => {
  it('of the weight shares the visitors anew, says so, and proves again', async () => {
    await using running = await runningSession('ours')
    await running.state('verified')
    const changed = await running.session.change({ kind: 'weight', weight: 1 }, 'control')
    expect(changed).toMatchObject({ target: 'nginx', changed: true, weight: 1, share: 0.5, thinning: 1 })
    expect(told(running, 'intercept.changed').at(-1)).toMatchObject({ weight: 1, share: 0.5, by: 'control' })
    await running.state('verified')
    const { '200 laptop': laptop = 0, '200 pod': pod = 0, ...rest } = await who(running)
    expect(rest).toEqual({})
    expect(laptop).toBeGreaterThan(50)
    expect(pod).toBeGreaterThan(50)
    await running.session.change({ kind: 'weight', weight: 255 }, 'tui')
    expect(told(running, 'intercept.changed').at(-1)).toMatchObject({ weight: 255, share: 1, by: 'user' })
    await running.state('verified')
    expect(await who(running)).toEqual({ '200 laptop': 200 })
  })

  it('to what it has already changes nothing and says nothing', async () => {
    await using running = await runningSession('ours')
    await running.state('verified')
    const before = running.events.length
    expect(await running.session.change({ kind: 'weight', weight: 255 }, 'control')).toMatchObject({ changed: false, weight: 255 })
    expect(running.events.slice(before).filter(({ type }) => type !== 'probe')).toEqual([])
    expect(await running.session.change({ kind: 'release' }, 'control')).toMatchObject({ changed: false, state: 'verified' })
  })

  it('to held gives every visitor back, and release takes them again', async () => {
    await using running = await runningSession('ours')
    await running.state('verified')
    expect(await running.session.change({ kind: 'hold' }, 'tui')).toMatchObject({ changed: true, state: 'held' })
    expect(await who(running)).toEqual({ '200 pod': 200 })
    expect(await running.session.change({ kind: 'hold' }, 'tui')).toMatchObject({ changed: false, state: 'held' })
    expect(told(running, 'target.state').at(-1)).toMatchObject({ to: 'held', serving: 'cluster' })
    expect(await running.session.change({ kind: 'release' }, 'tui')).toMatchObject({ changed: true })
    await running.state('verified')
    expect(await who(running)).toEqual({ '200 laptop': 200 })
  })

  it('of the weight while held is in force after the release', async () => {
    await using running = await runningSession('ours')
    await running.state('verified')
    await running.session.change({ kind: 'hold' }, 'control')
    expect(await running.session.change({ kind: 'weight', weight: 1 }, 'control')).toMatchObject({
      changed: true,
      state: 'held',
      weight: 1
    })
    expect(await who(running)).toEqual({ '200 pod': 200 })
    await running.session.change({ kind: 'release' }, 'control')
    await running.state('verified')
    const { '200 pod': pod = 0 } = await who(running)
    expect(pod).toBeGreaterThan(50)
    expect(pod).toBeLessThan(150)
  })

  it('comes one after the other when two are asked for at once', async () => {
    await using running = await runningSession('ours')
    await running.state('verified')
    const results = await Promise.all([
      running.session.change({ kind: 'weight', weight: 1 }, 'control'),
      running.session.change({ kind: 'hold' }, 'tui'),
      running.session.change({ kind: 'weight', weight: 7 }, 'control'),
      running.session.change({ kind: 'release' }, 'tui')
    ])
    expect(results.map(({ weight, changed }) => [weight, changed])).toEqual([
      [1, true],
      [1, true],
      [7, true],
      [7, true]
    ])
    await running.state('verified')
    expect(told(running, 'intercept.changed').map(event => ('weight' in event ? event.weight : 0))).toEqual([255, 1, 7])
  })

  it('is refused while it is being left, and hold before it is registered', async () => {
    await using early = await runningSession('ours', {}, { start: false })
    await expect(early.session.change({ kind: 'hold' }, 'control')).rejects.toMatchObject({ code: 'BAD_USAGE' })
    expect(await early.session.change({ kind: 'weight', weight: 1 }, 'control')).toMatchObject({ changed: true, weight: 1 })
    await early.session.start(new AbortController().signal)
    await early.state('verified')
    expect((await who(early))['200 pod']).toBeGreaterThan(50)
    const leaving = early.session.drain(new AbortController().signal)
    for (const kind of ['hold', 'release'] as const)
      await expect(early.session.change({ kind }, 'control')).rejects.toMatchObject({ code: 'NO_SESSION' })
    await leaving
    await expect(early.session.change({ kind: 'weight', weight: 9 }, 'control')).rejects.toMatchObject({ code: 'NO_SESSION' })
  })

  it('of the weight after the server went away is kept for the next registration', async () => {
    await using running = await runningSession('ours')
    await running.state('verified')
    await running.server.stop()
    await running.state('reconnecting')
    expect(await running.session.change({ kind: 'weight', weight: 30 }, 'control')).toMatchObject({
      changed: true,
      state: 'reconnecting',
      weight: 30
    })
    expect(await running.session.change({ kind: 'hold' }, 'control')).toMatchObject({ state: 'held' })
    expect(await running.session.change({ kind: 'release' }, 'control')).toMatchObject({ changed: true })
    await running.state('connecting', 'reconnecting')
  })

  it('to a share takes the whole weight that gives it, and refuses what cannot be had', async () => {
    await using running = await runningSession('ours')
    await running.state('verified')
    expect(await running.session.change({ kind: 'split', share: 0.5, throughLaptop: false }, 'control')).toMatchObject({
      weight: 1,
      share: 0.5
    })
    const refused = running.session.change({ kind: 'split', share: 0.25, throughLaptop: true }, 'control')
    await expect(refused).rejects.toMatchObject({
      code: 'SHARE_UNAVAILABLE',
      hint: 'nearest exact share: kubectl intercept set nginx weight=1'
    })
    expect(await running.session.change({ kind: 'weight', weight: 1 }, 'control')).toMatchObject({ changed: false })
  })
})
