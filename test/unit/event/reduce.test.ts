import { describe, expect, it } from 'vitest'
import { EMPTY_VIEW, reduce, type SessionView } from '../../../src/event/reduce.ts'
import type { EventBody, EventType, SessionEvent } from '../../../src/event/types.ts'
import { eventOf, SAMPLES, sampleOf } from './samples.ts'

const play = (events: readonly SessionEvent[], from: SessionView = EMPTY_VIEW): SessionView => events.reduce(reduce, from)
const about = <T extends EventType>(type: T, body: EventBody<T>) => eventOf(type, body, { target: 'nginx' })
const bound = (replica: string, to: 'bound' | 'lost' | 'closed') =>
  about('connector.state', { replica, from: 'connecting', to, attempt: 1, cause: '' })

describe('reduce', () => {
  it('knows the targets of a session from its first event on', () => {
    const view = play([sampleOf('session.started')])
    expect(view).toMatchObject({ pid: 4242, user: 'ada@laptop', targets: { nginx: { state: 'resolving', serving: 'cluster' } } })
  })

  it('follows a target through its states and forgets the detail of the last one', () => {
    const view = play([
      about('target.state', { from: 'connecting', to: 'partial', cause: 'one of three', serving: 'shared', detail: '1/3 replicas' }),
      about('target.state', { from: 'partial', to: 'registered', cause: 'all bound', serving: 'laptop' })
    ])
    expect(view.targets['nginx']).toMatchObject({ state: 'registered', serving: 'laptop', cause: 'all bound' })
    expect(view.targets['nginx']).not.toHaveProperty('detail')
  })

  it('counts the replicas that hold a connector of ours', () => {
    const view = play([
      sampleOf('plan.resolved'),
      bound('a', 'bound'),
      bound('b', 'bound'),
      bound('c', 'bound'),
      bound('b', 'lost'),
      bound('c', 'closed')
    ])
    expect(view.targets['nginx']?.bound).toBe(1)
    expect(Object.keys(view.targets['nginx']?.connectors ?? {})).toEqual(['a', 'b'])
  })

  it('keeps what a connector said before when it says nothing about it', () => {
    const view = play([sampleOf('connector.state'), bound('proxy-5f6b-k8k', 'lost')])
    expect(view.targets['nginx']?.connectors['proxy-5f6b-k8k']).toEqual({ state: 'lost', peer: 'gost', rttMs: 4, cause: '' })
  })

  it('counts exchanges, errors and what was returned', () => {
    const started = (id: string, who: 'laptop' | 'returned' | 'other') =>
      eventOf('exchange.started', { id, kind: 'request', protocol: 'http/1.1', who, source: '' })
    const done = (id: string, status: number) =>
      eventOf('exchange.completed', { id, status, bytesIn: 10, bytesOut: 20, timings: { totalMs: 1 } })
    const view = play([
      ...['1', '2', '3'].map(id => started(id, 'laptop')),
      started('4', 'returned'),
      started('5', 'other'),
      done('1', 200),
      done('2', 503),
      eventOf('exchange.aborted', { id: '3', by: 'local', code: 'RESET', ms: 1, bytesIn: 1, bytesOut: 0 })
    ])
    expect(view.counters).toEqual({ started: 5, inFlight: 2, requests: 3, errors: 2, returned: 1, other: 1, bytesIn: 21, bytesOut: 40 })
  })

  it('changes nothing that it was given', () => {
    const before = play(SAMPLES.slice(0, 3))
    const frozen = JSON.stringify(before)
    play(SAMPLES, before)
    expect(JSON.stringify(before)).toBe(frozen)
  })

  it('keeps the same object for events that say nothing about its state', () => {
    const view = play([sampleOf('session.started'), sampleOf('plan.resolved')])
    expect(play([sampleOf('probe'), sampleOf('stats'), sampleOf('exchange.request')], view)).toBe(view)
  })
})
