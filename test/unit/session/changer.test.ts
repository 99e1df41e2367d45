import { describe, expect, it, vi } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { silent } from '../../../src/base/log.ts'
import type { TunnelPlan } from '../../../src/resolve/types.ts'
import type { Change } from '../../../src/session/change.ts'
import { changer } from '../../../src/session/changer.ts'
import { parseFilter } from '../../../src/filter/filter.ts'
import { givingBack } from '../../../src/session/give-back.ts'
import type { LocalApp } from '../../../src/transport/local-app.ts'
import type { Guest } from '../../../src/session/guests.ts'
import type { ReplicaSet } from '../../../src/session/replica-set.ts'
import type { RunningTarget } from '../../../src/session/running-target.ts'
import { initialFacts, stateOf, type TargetFacts } from '../../../src/session/state.ts'
import { stateVoice } from '../../../src/session/state-voice.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { serverPlan, sidecarPod, tunnelPlan } from '../../harness/plans.ts'

interface Setup {
  facts?: Partial<TargetFacts>
  plan?: Partial<TunnelPlan>
  mayThin?: boolean
  rebind?: ReplicaSet['rebind']
  guests?: Guest[]
}

/** A verified target of a stock server beside one sidecar of weight 1, whose connectors do as told. */
function world({
  facts: more = {},
  plan = {},
  mayThin = false,
  rebind = () => Promise.resolve(() => Promise.resolve()),
  guests = []
}: Setup = {}) {
  const clock = fakeClock()
  const facts: TargetFacts = { ...initialFacts, resolved: true, bound: 1, everBound: true, verified: true, canReturn: true, ...more }
  const events: { type: string; by?: string; weight?: number; to?: string }[] = []
  const emit = (type: string, body: object): void => void events.push({ type, ...body })
  const replicas = { active: 0, bound: 1, all: [], rebind: vi.fn(rebind), withdraw: vi.fn(() => Promise.resolve()), resume: vi.fn() }
  const target = {
    options: {
      plan: tunnelPlan({ sidecars: [sidecarPod('nginx-1')], ...plan }),
      settings: { weight: 255, split: undefined, mayThin, graceMs: 5_000 },
      local: { host: 'localhost', port: 8080 },
      clock,
      log: silent,
      emit
    },
    facts,
    voice: stateVoice(emit, facts),
    exchanges: { answered: 0 },
    stop: new AbortController().signal,
    sidecars: [sidecarPod('nginx-1')],
    replicas,
    guests
  } as unknown as RunningTarget
  const prove = vi.fn()
  return { target, facts, events, replicas, prove, changes: changer({ target, mayReturn: () => true, prove }) }
}

const quarter = (throughLaptop: boolean): Change => ({ kind: 'split', share: 0.25, throughLaptop })

describe('a share that must be thinned', () => {
  it('is refused on a stock server without consent, and nothing changes', async () => {
    const { changes, facts, replicas, events } = world()
    await expect(changes.change(quarter(false), 'control')).rejects.toMatchObject({
      code: 'CONSENT_NEEDED',
      hint: expect.stringContaining('kubectl intercept set nginx split=25% --through-laptop')
    })
    expect(facts).toMatchObject({ weight: 255, thinning: 1 })
    expect(replicas.rebind).not.toHaveBeenCalled()
    expect(events).toEqual([])
  })

  it('is taken with consent, which then holds for the next', async () => {
    const { changes, facts } = world()
    expect(await changes.change(quarter(true), 'control')).toMatchObject({ weight: 1, thinning: 0.5, share: 0.25 })
    expect(await changes.change({ kind: 'split', share: 0.1, throughLaptop: false }, 'control')).toMatchObject({ weight: 1, share: 0.1 })
    expect(facts.thinning).toBeCloseTo(0.2)
  })

  it.each([
    ['agreed to at the start', { mayThin: true }],
    ['on a server of ours', { plan: { server: serverPlan({ peer: 'ours' }) } }]
  ])('is taken when %s', async (_name, setup) => {
    expect(await world(setup).changes.change(quarter(false), 'tui')).toMatchObject({ changed: true, share: 0.25 })
  })

  it('binds anew at the same weight where a keep-alive pool would go on with spliced streams', async () => {
    const { changes, replicas } = world({ facts: { weight: 1 }, mayThin: true, plan: { server: serverPlan({ keepalive: true }) } })
    await changes.change(quarter(false), 'control')
    expect(replicas.rebind).toHaveBeenCalledTimes(1)
    await changes.change({ kind: 'split', share: 0.1, throughLaptop: false }, 'control')
    expect(replicas.rebind).toHaveBeenCalledTimes(1)
  })
})

describe('a changed weight', () => {
  it('is proved again once the old link of a stock server is gone', async () => {
    const { changes, prove } = world()
    await changes.change({ kind: 'weight', weight: 30 }, 'control')
    expect(prove).toHaveBeenCalledTimes(1)
  })

  it('does not wait for the old link when it is raised', async () => {
    const never = new Promise<void>(() => {})
    const { changes } = world({ facts: { weight: 30 }, rebind: () => Promise.resolve(() => never) })
    expect(await changes.change({ kind: 'weight', weight: 255 }, 'tui')).toMatchObject({ changed: true, weight: 255 })
  })

  it('that the server does not take leaves all as it was, and the next one works', async () => {
    const gone = new InterceptError('TUNNEL_LOST', 'the server closed the connection')
    const { changes, facts, events, replicas } = world({ rebind: () => Promise.reject(gone) })
    await expect(changes.change({ kind: 'weight', weight: 30 }, 'control')).rejects.toMatchObject({
      code: 'TUNNEL_LOST',
      message: 'nginx keeps weight 255: the server closed the connection'
    })
    expect(facts).toMatchObject({ weight: 255, thinning: 1 })
    expect(events).toEqual([])
    replicas.rebind.mockImplementation(() => Promise.resolve(() => Promise.resolve()))
    expect(await changes.change({ kind: 'weight', weight: 30 }, 'control')).toMatchObject({ changed: true, weight: 30 })
  })

  it('by hand ends a wanted share: sidecars that come change nothing any more', async () => {
    const { changes, target, replicas } = world()
    await changes.change({ kind: 'split', share: 0.5, throughLaptop: false }, 'control')
    target.sidecars = [sidecarPod('nginx-1'), sidecarPod('nginx-2')]
    changes.shareAgain()
    expect(await changes.change({ kind: 'release' }, 'control')).toMatchObject({ weight: 2 })
    await changes.change({ kind: 'weight', weight: 9 }, 'control')
    target.sidecars = [sidecarPod('nginx-1')]
    changes.shareAgain()
    expect(await changes.change({ kind: 'release' }, 'control')).toMatchObject({ weight: 9 })
    expect(replicas.rebind).toHaveBeenCalledTimes(3)
  })
})

describe('a held target', () => {
  it('stays held when the local app comes, and waits for it when it is released without one', async () => {
    const { changes, target, facts, replicas } = world()
    const local = { address: 'localhost:8080', up: true } as unknown as LocalApp
    const giving = givingBack(target, local, { paused: false } as never)
    await changes.change({ kind: 'hold' }, 'tui')
    giving.onLocal(false, 'closed')
    giving.onLocal(true, 'open')
    expect(stateOf(facts)).toBe('held')
    expect(replicas.resume).not.toHaveBeenCalled()
    giving.onLocal(false, 'closed')
    expect(await changes.change({ kind: 'release' }, 'tui')).toMatchObject({ changed: true, state: 'waiting' })
    expect(replicas.resume).not.toHaveBeenCalled()
    giving.onLocal(true, 'open')
    expect(replicas.resume).toHaveBeenCalledTimes(1)
  })

  it('that was given back already stays so after the release until the local app comes', async () => {
    const { changes, target, facts, replicas } = world({ facts: { givenBack: true, localUp: false } })
    await changes.change({ kind: 'hold' }, 'control')
    const giving = givingBack(target, { address: 'localhost:8080', up: true } as unknown as LocalApp, { paused: false } as never)
    giving.onLocal(true, 'open')
    expect(stateOf(facts)).toBe('held')
    await changes.change({ kind: 'release' }, 'control')
    expect(replicas.resume).toHaveBeenCalledTimes(1)
  })
})

describe('a target that was given back', () => {
  it.each([
    [true, 'it is tried again in 30 s; --return-limit N lets more through'],
    [false, 'it comes back by itself when localhost:8080 accepts again']
  ])('says what brings it back, with a local app that is there: %s', async (up, hint) => {
    const { target, events } = world({ facts: { localUp: up } })
    const giving = givingBack(target, { address: 'localhost:8080', up } as unknown as LocalApp, { paused: false } as never)
    await giving.giveBack('more than 200 requests a second on the return path')
    expect(events).toContainEqual(expect.objectContaining({ type: 'notice', code: 'GIVEN_BACK', hint }))
  })
})

describe('a filter on a stock server', () => {
  const filter = parseFilter('header.x-user:a')

  it('needs consent, and nothing changes without', async () => {
    const { changes, facts, events } = world()
    await expect(changes.change({ kind: 'filter', filter, throughLaptop: false }, 'control')).rejects.toMatchObject({
      code: 'CONSENT_NEEDED',
      hint: "agree: kubectl intercept set nginx 'filter=header.x-user:a' --through-laptop"
    })
    expect([facts.filter, events]).toEqual([undefined, []])
  })

  it('is looked at here from then on, and told; the same one again changes nothing', async () => {
    const { changes, facts, events, replicas } = world({ facts: { weight: 30 } })
    expect(await changes.change({ kind: 'filter', filter, throughLaptop: true }, 'control')).toMatchObject({
      changed: true,
      filter: 'header.x-user:a',
      weight: 255
    })
    expect(facts.filter).toBe(filter)
    expect(replicas.rebind).toHaveBeenCalledTimes(1)
    expect(events).toContainEqual(expect.objectContaining({ type: 'intercept.changed', filter: 'header.x-user:a', by: 'control' }))
    expect(await changes.change({ kind: 'filter', filter, throughLaptop: false }, 'tui')).toMatchObject({ changed: false })
  })

  it('takes what a keep-alive pool would bring over connections that are spliced already', async () => {
    const { changes, replicas } = world({ mayThin: true, plan: { server: serverPlan({ keepalive: true }) } })
    await changes.change({ kind: 'filter', filter, throughLaptop: false }, 'control')
    expect(replicas.rebind).toHaveBeenCalledTimes(1)
  })

  it.each(['weight', 'split', 'hold'] as const)('of another session that passes this laptop keeps it from a %s', async kind => {
    const guests = [{ session: 's', user: 'bob@forge', tunnelId: 't', personal: undefined }]
    const { changes } = world({ guests })
    const change: Change = kind === 'weight' ? { kind, weight: 3 } : kind === 'split' ? { kind, share: 0.5, throughLaptop: true } : { kind }
    await expect(changes.change(change, 'control')).rejects.toMatchObject({
      code: 'BAD_USAGE',
      message: `nginx takes no ${kind} now: the requests of bob@forge pass this laptop`
    })
  })
})
