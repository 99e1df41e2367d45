/** `--mirror` on a real cluster: the pods answer every visitor, the laptop compares, and its end is nobody's loss. Every command of docs/mirror.md. */
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { crowd, tally, visit } from '../harness/visitors.ts'
import { loadOurImage, ourArticle } from './our-image.ts'
import { article } from './manifests.ts'
import { endAll, intercept, localApp, plugin, type Session, type World, who, world } from './world.ts'

/** As docs/mirror.md says. */
const PORT = 8080
const COMMANDS = [...readFileSync(new URL('../../docs/mirror.md', import.meta.url), 'utf8').matchAll(/^ *kubectl intercept (.+)$/gm)].map(
  ([, words = '']) => words.split(' ')
)
const needsStock = (words: readonly string[]): boolean => words.includes('--through-laptop')

const sessions: Session[] = []
let app: Awaited<ReturnType<typeof localApp>>
const start = ({ namespace }: World, ...args: string[]): Session => {
  const session = intercept(namespace, ...args)
  sessions.push(session)
  return session
}
const compared = ({ events }: Session) => events.filter(event => event.type === 'exchange.compared')

beforeAll(async () => {
  app = await localApp(PORT)
})
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.stop()
})
afterAll(() => endAll())

describe('in front of our own server', () => {
  let ours: World
  beforeAll(async () => {
    loadOurImage()
    ours = await world('mirror', ourArticle())
  })
  afterAll(() => ours.remove())

  it.each(COMMANDS.filter(words => !needsStock(words)).map(words => [words.join(' '), words] as const))('%s', async (_text, words) => {
    const session = start(ours, ...words)
    await session.state('verified')
    expect(tally(await crowd({ ...ours.visitor, count: 100 }), who)).toEqual({ pod: 100 })
    await eventually(() => expect(compared(session).length).toBeGreaterThan(0), { timeoutMs: 10_000 })
    expect(compared(session)[0]).toMatchObject({ kind: 'mirror', equal: false })
    expect(await session.stop()).toBe(0)
    const ended = session.events.at(-1)
    expect(ended).toMatchObject({ type: 'session.ended', exitCode: 0, summary: { errors: 0 } })
  })

  it('shows the differences of a changed app while 10,000 visitors are answered by pods, also when it is killed in the middle', async () => {
    const session = start(ours, 'svc/nginx', '--port', String(PORT), '--mirror')
    await session.state('verified')
    const half = crowd({ ...ours.visitor, count: 5_000 })
    await eventually(() => expect(compared(session).length).toBeGreaterThan(1_000), { timeoutMs: 60_000 })
    session.signal('SIGKILL')
    expect(tally(await half, who)).toEqual({ pod: 5_000 })
    expect(tally(await crowd({ ...ours.visitor, count: 5_000 }), who)).toEqual({ pod: 5_000 })
    expect(compared(session).every(event => event.type === 'exchange.compared' && !event.equal)).toBe(true)
  }, 180_000)

  it('stays out of the way of somebody who takes the visitors', async () => {
    const mirror = start(ours, 'svc/nginx', '--port', String(PORT), '--mirror')
    await mirror.state('verified')
    const other = start(ours, 'svc/nginx', '--port', String(PORT))
    await other.state('verified')
    expect(tally(await crowd({ ...ours.visitor, count: 50 }), who)).toEqual({ laptop: 50 })
    await eventually(() => expect(compared(mirror)).toHaveLength(50), { timeoutMs: 10_000 })
    expect(compared(mirror).every(event => event.type === 'exchange.compared' && event.equal)).toBe(true)
  })
})

describe('in front of a stock server', () => {
  let stock: World
  beforeAll(async () => {
    stock = await world('mirrorstock', article())
  })
  afterAll(() => stock.remove())

  it('asks first, and without a terminal is refused', () => {
    const refused = plugin('svc/nginx', '--port', String(PORT), '--mirror', '-n', stock.namespace)
    expect(refused.status).toBe(2)
    expect(refused.stderr).toMatch(/all visitors pass this laptop on their way to the pods.*\n.*--through-laptop/)
  })

  it('is refused without a way back to the pods', () => {
    const refused = plugin('svc/nginx', '--port', String(PORT), '--mirror', '--through-laptop', '--no-fallback', '-n', stock.namespace)
    expect(refused.status).toBe(2)
    expect(refused.stderr).toMatch(/copies nothing.*no way back/)
  })

  it.each(COMMANDS.filter(needsStock).map(words => [words.join(' '), words] as const))(
    '%s: pods answer, whether the local app is there, frozen or gone',
    async (_text, words) => {
      // More than this crowd: over the limit the visitors are given back, and a stock server loses what is on its way just then.
      const session = start(stock, ...words, '--return-limit', '10000')
      await session.state('verified')
      expect(tally(await crowd({ ...stock.visitor, count: 100, parallel: 4 }), who)).toEqual({ pod: 100 })
      await eventually(() => expect(compared(session)).toHaveLength(100), { timeoutMs: 10_000 })
      app.freeze()
      expect(tally(await crowd({ ...stock.visitor, count: 100, parallel: 4 }), who)).toEqual({ pod: 100 })
      app.thaw()
      await app.kill()
      expect(tally(await crowd({ ...stock.visitor, count: 100, parallel: 4 }), who)).toEqual({ pod: 100 })
      await session.event('mirror.dropped', ({ down }) => down > 0)
      expect(session.events.filter(({ type }) => type === 'notice')).toEqual([])
      expect(await session.stop()).toBe(0)
      expect(who(await visit(stock.visitor))).toBe('pod')
    }
  )
})
