/** The main job on a real cluster with the article's manifests as they stand: routes, shares, ends, an app that comes and goes. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { arrivals, crowd, failed, tally } from '../harness/visitors.ts'
import { ARTICLE, endAll, intercept, localApp, plugin, type Session, TUNNEL, type World, who, world } from './world.ts'

/** Longer and more of the same, for the figures. */
const FULL = process.env['E2E_FULL'] === '1'
const FROZEN_MS = FULL ? 60_000 : 22_000

let article: World
let app: Awaited<ReturnType<typeof localApp>>
const sessions: Session[] = []
const start = (...args: string[]): Session => {
  const session = intercept(article.namespace, 'svc/nginx', '--port', String(app.port), ...args)
  sessions.push(session)
  return session
}

beforeAll(async () => {
  article = await world('intercept', ARTICLE)
  app = await localApp()
})
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.stop()
})
afterAll(async () => {
  endAll()
  article.remove()
})

describe('kubectl intercept svc/nginx', () => {
  it.each(['ingress', 'port-forward', 'service-proxy'])('takes every visitor by %s, proves it, and gives all back', async via => {
    const session = start('--via', via)
    await session.state('verified')
    expect((await session.event('route.chosen')).kind).toBe(via)
    expect(tally(await crowd({ ...article.visitor, count: 1_000 }), who)).toEqual({ laptop: 1_000 })
    expect(await session.stop()).toBe(0)
    expect(session.events.at(-1)).toMatchObject({ type: 'session.ended', exitCode: 0, summary: { requests: 1_000, errors: 0 } })
    expect(tally(await crowd({ ...article.visitor, count: 1_000 }), who)).toEqual({ pod: 1_000 })
  })

  it('keeps the tunnel id out of everything it says', async () => {
    const session = start('-v', '9')
    await session.state('verified')
    await session.stop()
    expect(JSON.stringify(session.events) + session.stderr).not.toContain(TUNNEL)
    expect(JSON.stringify(session.events)).toContain('10bc451e…')
  })

  it.each([
    ['SIGINT', 0],
    ['SIGTERM', 143],
    ['SIGHUP', 129]
  ] as const)('drains on %s, checks the end, and exits %i', async (name, code) => {
    const session = start()
    await session.state('verified')
    session.signal(name)
    expect(await session.exit).toBe(code)
    const ended = session.events.find(each => each.type === 'target.state' && each.to === 'ended')
    expect(ended).toMatchObject({ detail: expect.stringMatching(/^nginx is served without this laptop \(200 in .*; 1 sidecar\)$/) })
    await article.served(20)
  })

  it('changes its weight, holds and releases while visitors come', async () => {
    const session = start()
    await session.state('verified')
    const visitors = arrivals({ ...article.visitor, rate: 20 })
    expect(plugin('set', 'nginx', 'weight=1')).toMatchObject({ status: 0, stdout: 'nginx weight 1, 50 % of the visitors\n' })
    await session.event('intercept.changed', ({ weight, by }) => weight === 1 && by === 'control')
    const { laptop = 0, pod = 0, ...rest } = tally(await crowd({ ...article.visitor, count: 1_000 }), who)
    expect(rest).toEqual({})
    expect(laptop).toBeGreaterThan(400)
    expect(pod).toBeGreaterThan(400)
    expect(plugin('set', 'nginx', 'hold')).toMatchObject({ status: 0, stdout: 'nginx held; the cluster serves\n' })
    expect(tally(await crowd({ ...article.visitor, count: 200 }), who)).toEqual({ pod: 200 })
    expect(plugin('set', 'nginx', 'weight=255').status).toBe(0)
    const before = session.events.length
    expect(plugin('set', 'nginx', 'release').status).toBe(0)
    await eventually(() =>
      expect(session.events.slice(before).some(event => event.type === 'target.state' && event.to === 'verified')).toBe(true)
    )
    expect(tally(await crowd({ ...article.visitor, count: 200 }), who)).toEqual({ laptop: 200 })
    const visits = await visitors.stop()
    console.log(`255 → 1 → held → 255 lost ${failed(visits).length} of ${visits.length} requests`)
    // Lowering, and holding: what was opened within that round trip.
    expect(failed(visits).length).toBeLessThanOrEqual(2)
  })

  it('shares by weight', async () => {
    const session = start('--weight', '1')
    await session.state('verified')
    const { laptop = 0, pod = 0, ...rest } = tally(await crowd({ ...article.visitor, count: FULL ? 10_000 : 4_000 }), who)
    console.log(`--weight 1 beside one sidecar: ${laptop} of ${laptop + pod} at the laptop`)
    expect(rest).toEqual({})
    // 4 sigma of a fair coin thrown 10,000 times are 2 %, 4,000 times 3.2 %.
    expect(Math.abs(laptop / (laptop + pod) - 0.5)).toBeLessThan(FULL ? 0.02 : 0.032)
  })

  it('thins a share that whole weights cannot express, over the return path', async () => {
    const session = start('--split', '25%', '--through-laptop', '--return-limit', '5000')
    await session.state('verified')
    const { laptop = 0, pod = 0, ...rest } = tally(await crowd({ ...article.visitor, count: FULL ? 10_000 : 3_000 }), who)
    console.log(`--split 25%: ${laptop} of ${laptop + pod} at the laptop`)
    expect(rest).toEqual({})
    expect(Math.abs(laptop / (laptop + pod) - 0.25)).toBeLessThan(FULL ? 0.02 : 0.032)
  })

  it('costs nobody a request that the local app had not accepted when it died, and takes over again within a second', async () => {
    const session = start()
    await session.state('verified')
    const load = arrivals({ ...article.visitor, rate: 60 })
    await eventually(() => expect(load.visits.length).toBeGreaterThan(60))
    const { port } = app
    await app.kill()
    const killedAtMs = load.atMs
    await session.state('returning')
    await eventually(() => expect(load.atMs).toBeGreaterThan(killedAtMs + 3_000), { timeoutMs: 6_000 })
    app = await localApp(port)
    const upAtMs = load.atMs
    await eventually(() => expect(load.atMs).toBeGreaterThan(upAtMs + 2_000), { timeoutMs: 6_000 })
    const visits = await load.stop()
    // Only what was inside the app in that moment may fail.
    expect(failed(visits).filter(({ atMs, ms }) => atMs > killedAtMs + 50 || atMs + ms < killedAtMs - 50)).toEqual([])
    expect(
      tally(
        visits.filter(({ atMs }) => atMs > killedAtMs + 500 && atMs < upAtMs - 100),
        who
      )
    ).toEqual({ pod: expect.any(Number) })
    expect(
      tally(
        visits.filter(({ atMs }) => atMs > upAtMs + 1_000),
        who
      )
    ).toEqual({ laptop: expect.any(Number) })
  })

  it('sends new requests back while the local app is frozen, with --on-pause cluster', async () => {
    const session = start('--on-pause', 'cluster')
    await session.state('verified')
    const load = arrivals({ ...article.visitor, rate: 20, timeoutMs: FROZEN_MS + 10_000 })
    await eventually(() => expect(load.visits.length).toBeGreaterThan(10))
    app.freeze()
    const frozenAtMs = load.atMs
    await session.state('paused')
    const pausedAtMs = load.atMs
    await eventually(() => expect(load.atMs).toBeGreaterThan(frozenAtMs + FROZEN_MS), { timeoutMs: 70_000, intervalMs: 100 })
    app.thaw()
    const thawedAtMs = load.atMs
    await eventually(() => expect(load.atMs).toBeGreaterThan(thawedAtMs + 2_000), { timeoutMs: 6_000 })
    const visits = await load.stop()
    // What went into the app before it counted as silent waits there, until the server gives up. Nobody else notices.
    const inside = visits.filter(({ atMs }) => atMs > frozenAtMs - 100 && atMs < pausedAtMs)
    console.log(
      `app frozen for ${FROZEN_MS / 1_000} s under 20 visitors a second: silent after ${((pausedAtMs - frozenAtMs) / 1_000).toFixed(1)} s;`,
      `${failed(visits).length} of ${visits.length} failed, ${failed(inside).length} of them were inside the app by then`
    )
    expect(failed(visits).filter(visit => !inside.includes(visit))).toEqual([])
    const meanwhile = visits.filter(({ atMs }) => atMs > pausedAtMs && atMs < thawedAtMs - 100)
    expect(meanwhile.length).toBeGreaterThan((FROZEN_MS / 1_000 - 5) * 10)
    expect(meanwhile.filter(({ ms }) => ms > 1_000)).toEqual([])
    expect(tally(meanwhile, who)).toEqual({ pod: meanwhile.length })
    expect(
      tally(
        visits.filter(({ atMs }) => atMs > thawedAtMs + 1_000),
        who
      )
    ).toEqual({ laptop: expect.any(Number) })
  })

  it('waits for a closed port, and fails with --no-wait', async () => {
    const { port } = app
    await app.kill()
    const waiting = start()
    await waiting.state('waiting')
    expect(tally(await crowd({ ...article.visitor, count: 20 }), who)).toEqual({ pod: 20 })
    app = await localApp(port)
    await waiting.state('verified', 3_000)
    await waiting.stop()
    const { status, stderr } = plugin('svc/nginx', '-n', article.namespace, '--port', '1', '--no-wait')
    expect(status).toBe(8)
    expect(stderr).toContain('nothing listens on 127.0.0.1:1')
  })

  it('is seen by list and ended by leave', async () => {
    const session = start()
    await session.state('verified')
    expect(plugin('list', '-n', article.namespace).stdout).toMatch(/nginx +deployment\/nginx +nginx\.local .*verified → 127\.0\.0\.1:/)
    expect(plugin('leave', 'svc/nginx', '-n', article.namespace)).toMatchObject({ status: 0 })
    expect(await session.exit).toBe(0)
    await article.served(20)
  })
})
