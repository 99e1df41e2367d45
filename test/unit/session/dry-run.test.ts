/** What a dry run says of consent, and of whoever is there already. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { parseFilter } from '../../../src/filter/filter.ts'
import { dryRun } from '../../../src/session/dry-run.ts'
import type { InterceptSettings } from '../../../src/session/options.ts'
import type { InterceptContext } from '../../../src/session/request.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { serverPlan, sidecarPod, tunnelPlan } from '../../harness/plans.ts'
import { claimWorld, TUNNEL, type World } from '../claim/world.ts'

let world: World
beforeEach(async () => {
  world = await claimWorld()
})
afterEach(() => world.close())

const SETTINGS = {
  weight: 255,
  split: undefined,
  filter: undefined,
  mirror: undefined,
  mayThin: false,
  via: { kind: 'auto' },
  fallback: true,
  manner: 'refuse'
} as unknown as InterceptSettings

async function notes(settings: Partial<InterceptSettings>, peer: 'gost' | 'ours' = 'gost'): Promise<string> {
  const cluster = await connectToFake(world.fake)
  const said: string[] = []
  const emit = (type: string, body: { message?: string }): void => {
    if (type === 'notice' && body.message !== undefined) said.push(body.message)
  }
  const { signal } = new AbortController()
  const plan = tunnelPlan({ tunnelId: TUNNEL, sidecars: [sidecarPod('nginx-1')], server: serverPlan({ pods: [], peer }) })
  await dryRun({
    mapped: { plan, local: { host: '127.0.0.1', port: 8080 } },
    settings: { ...SETTINGS, ...settings },
    cluster,
    context: { events: { emit }, clock: systemClock, now: signal } as unknown as InterceptContext
  })
  await cluster.close()
  return said.join('\n').replace(/since [\d:]+/g, 'since …')
}

describe('a dry run', () => {
  const filter = parseFilter('header.x-user:ada')

  it.each([
    ['a thinned share', { split: 0.25 }, '50 % of the visitors pass this laptop'],
    ['a filter', { filter }, 'all visitors pass this laptop, and what does not match goes back to the pods'],
    ['a mirror', { mirror: { rate: 1, ignored: new Set<string>() } }, 'all visitors pass this laptop on their way to the pods']
  ])('says what %s needs consent for, and whether it was given', async (_what, settings, words) => {
    expect(await notes(settings)).toContain(`needs consent: ${words} (--through-laptop)`)
    const agreed = await notes({ ...settings, mayThin: true })
    expect(agreed).toContain(`agreed to with --through-laptop: ${words}`)
    expect(agreed).not.toContain('needs consent')
    expect(await notes(settings, 'ours')).not.toContain('consent')
  })

  it.each([
    ['a stock server', 'gost', {}, 'when the local app is down, visitors see it'],
    ['a server of ours', 'ours', {}, 'while the local app is down, the tunnel server gives its requests to another connector'],
    ['a mirror of ours', 'ours', { mirror: { rate: 1, ignored: new Set<string>() } }, 'the cluster answers every visitor']
  ] as const)('says what becomes of visitors without a return path: %s', async (_what, peer, settings, words) => {
    expect(await notes({ ...settings, fallback: false }, peer)).toMatch(new RegExp(`^no return path \\(--no-fallback\\).*${words}$`, 'm'))
  })

  it.each([
    ['refuse', 'refused without --takeover or --join'],
    ['takeover', 'asked to hand it over (--takeover)'],
    ['join', 'the visitors are shared at random (--join)']
  ] as const)('says what becomes of who has it: %s', async (manner, words) => {
    const ada = await world.person('ada@one')
    await ada.claim.want({ weight: 255 }, 'refuse', ada.stop.signal)
    expect(await notes({ manner })).toContain(`ada@one has nginx since … (all visitors): ${words}`)
    expect(await notes({ manner, filter })).toContain('ada@one has nginx since … (all visitors)\n')
  })
})
