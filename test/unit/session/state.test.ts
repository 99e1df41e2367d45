import { describe, expect, it } from 'vitest'
import { servingOf, stateOf, type TargetFacts } from '../../../src/session/state.ts'

const verified: TargetFacts = {
  ended: 'no',
  draining: false,
  resolved: true,
  localUp: true,
  paused: false,
  givenBack: false,
  held: false,
  replicas: 1,
  bound: 1,
  everBound: true,
  verified: true,
  canReturn: true,
  weight: 255,
  thinning: 1,
  filter: undefined,
  mirrored: false,
  guest: false,
  hostsUnknown: false
}

describe('stateOf', () => {
  it.each([
    ['verified', {}],
    ['resolving', { resolved: false, bound: 0, everBound: false }],
    ['connecting', { bound: 0, everBound: false }],
    ['reconnecting', { bound: 0 }],
    ['registered', { verified: false }],
    ['partial', { replicas: 3 }],
    ['returning', { localUp: false }],
    ['verified', { localUp: false, canReturn: false }],
    ['paused', { paused: true }],
    ['waiting', { givenBack: true, bound: 0 }],
    ['held', { held: true, bound: 0 }],
    ['held', { held: true, givenBack: true, localUp: false, bound: 0 }],
    ['draining', { draining: true, held: true }],
    ['draining', { draining: true, localUp: false }],
    ['ended', { ended: 'ended', draining: true }],
    ['failed', { ended: 'failed' }]
  ] as const)('says %s for %j', (state, facts) => {
    expect(stateOf({ ...verified, ...facts })).toBe(state)
  })
})

describe('servingOf', () => {
  it.each([
    ['laptop', {}],
    ['shared', { weight: 1 }],
    ['shared', { thinning: 0.5 }],
    ['shared', { replicas: 2 }],
    ['cluster', { localUp: false }],
    ['cluster', { givenBack: true }],
    ['cluster', { held: true }],
    ['cluster', { bound: 0 }]
  ] as const)('says %s for %j', (serving, facts) => {
    expect(servingOf({ ...verified, ...facts })).toBe(serving)
  })
})
