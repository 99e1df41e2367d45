/** Personal intercepts against a server of ours: sessions as people run them, and visitors counted by the bodies they got. */
import { describe, expect, it } from 'vitest'
import { parseFilter } from '../../src/filter/filter.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { crowd, tally } from '../harness/visitors.ts'
import { HOST, runningSession, type RunningSession, sessionOf } from './running-session.ts'

/** Visits of each kind. */
const COUNT = process.env['E2E_FULL'] === '1' ? 1_000 : 100

const forUser = (user: string) => ({ filter: parseFilter(`header.x-user:${user}`) })

/** Who served them, of the visits with the header and without. */
async function who({ server }: RunningSession, users: readonly (string | undefined)[]): Promise<Record<string, number>[]> {
  const at = { host: '127.0.0.1', port: server.entrypointPort, name: HOST, count: COUNT }
  const visits = users.map(user => crowd({ ...at, ...(user !== undefined && { headers: { 'X-User': user } }) }))
  return (await Promise.all(visits)).map(each => tally(each, ({ status, body }) => `${status} ${body.trim()}`))
}

/** A second person at the same tunnel. */
async function second(running: RunningSession, user: string, filter: string) {
  const app = await startApp({ name: user })
  const { tunnelPort, entrypointPort } = running.server
  const made = sessionOf(running.plan, { tunnelPort, entrypointPort, appPort: app.port, user }, forUser(filter))
  return {
    ...made,
    async [Symbol.asyncDispose]() {
      await made.session.close()
      await app.close()
    }
  }
}

describe('a personal intercept on a server of ours', () => {
  it('is proven to arrive, gets what matches, and leaves the rest to another one and to the pods', async () => {
    await using ada = await runningSession('ours', forUser('a'))
    await using bob = await second(ada, 'bob', 'b')
    await bob.session.start(new AbortController().signal)
    await ada.state('verified')
    await eventually(() => expect(bob.session.state).toBe('verified'), { timeoutMs: 10_000 })
    expect(await who(ada, ['a', 'b', undefined])).toEqual([{ '200 laptop': COUNT }, { '200 bob': COUNT }, { '200 pod': COUNT }])
    const changed = ada.events.filter(({ type }) => type === 'intercept.changed')
    expect(changed).toEqual([expect.objectContaining({ filter: 'header.x-user:a', weight: 255 })])
    expect(ada.events.filter(({ type }) => type === 'target.state').at(-1)).toMatchObject({ to: 'verified', serving: 'shared' })
  })

  it('is refused by name when somebody has the filter already', async () => {
    await using ada = await runningSession('ours', forUser('a'))
    await ada.state('verified')
    await using bob = await second(ada, 'bob', 'a')
    await expect(bob.session.start(new AbortController().signal)).rejects.toMatchObject({
      code: 'TAKEN',
      message: expect.stringContaining('ada@laptop has this filter')
    })
    expect(await who(ada, ['a'])).toEqual([{ '200 laptop': COUNT }])
  })

  it('takes another filter while it runs, none, and one again', async () => {
    await using ada = await runningSession('ours', forUser('a'))
    await ada.state('verified')
    const set = (text: string) =>
      ada.session.change({ kind: 'filter', filter: text === '' ? undefined : parseFilter(text), throughLaptop: false }, 'control')
    expect(await set('header.x-user:c')).toMatchObject({ changed: true, filter: 'header.x-user:c' })
    expect(await who(ada, ['a', 'c'])).toEqual([{ '200 pod': COUNT }, { '200 laptop': COUNT }])
    expect(await set('header.X-User:"c"')).toMatchObject({ changed: false })
    expect(await set('')).toMatchObject({ changed: true, weight: 255 })
    expect(await who(ada, [undefined])).toEqual([{ '200 laptop': COUNT }])
    await ada.session.change({ kind: 'weight', weight: 1 }, 'control')
    expect(await set('path:/none header.cookie:secret')).toMatchObject({ weight: 255, filter: 'path:/none and header.cookie:••••••' })
    expect(await who(ada, ['a'])).toEqual([{ '200 pod': COUNT }])
    expect(JSON.stringify(ada.events)).not.toContain('secret')
  })

  it('keeps the filter it has when another one is taken, and its filter keeps it from a weight', async () => {
    await using ada = await runningSession('ours', forUser('a'))
    await using bob = await second(ada, 'bob', 'b')
    await bob.session.start(new AbortController().signal)
    const taken = ada.session.change({ kind: 'filter', filter: parseFilter('header.x-user:b'), throughLaptop: false }, 'control')
    await expect(taken).rejects.toMatchObject({ code: 'TAKEN', message: expect.stringContaining('bob has this filter') })
    expect(await who(ada, ['a', 'b'])).toEqual([{ '200 laptop': COUNT }, { '200 bob': COUNT }])
    const weight = ada.session.change({ kind: 'weight', weight: 3 }, 'control')
    await expect(weight).rejects.toMatchObject({ code: 'BAD_USAGE', hint: expect.stringContaining('set nginx filter=') })
  })

  it('leaves without losing a request', async () => {
    await using ada = await runningSession('ours', forUser('a'))
    await ada.state('verified')
    const visits = crowd({ host: '127.0.0.1', port: ada.server.entrypointPort, name: HOST, count: 400, headers: { 'X-User': 'a' } })
    await ada.session.drain(new AbortController().signal)
    const served = tally(await visits, ({ status }) => String(status))
    expect(served).toEqual({ 200: 400 })
    expect(await who(ada, ['a'])).toEqual([{ '200 pod': COUNT }])
  })
})

describe('a personal intercept that cannot be', () => {
  it.each([
    ['tls', 'BAD_USAGE', /TLS that is not opened/],
    ['tcp', 'BAD_USAGE', /raw TCP/],
    ['udp', 'BAD_USAGE', /raw UDP/]
  ] as const)('is refused on a tunnel of %s', async (protocol, code, message) => {
    await using ada = await runningSession('ours', {}, { start: false })
    const plan = { ...ada.plan, protocol }
    const make = () => sessionOf(plan, { tunnelPort: 1, entrypointPort: 1, appPort: 1 }, forUser('a'))
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
  })

  it('is refused in front of a stock server without a way back', async () => {
    await using ada = await runningSession('ours', {}, { start: false })
    const plan = { ...ada.plan, server: { ...ada.plan.server, peer: 'gost' as const } }
    const make = () => sessionOf(plan, { tunnelPort: 1, entrypointPort: 1, appPort: 1 }, forUser('a'))
    expect(make).toThrow(expect.objectContaining({ code: 'SHARE_UNAVAILABLE', message: expect.stringContaining('no way back') }))
  })
})
