import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CoverView, dialsFor, heldOf, nextCoverStep, probesFor, type Slot } from '../../../src/session/cover-policy.ts'

const slot = (key: string, node?: string, bound = true): Slot => ({ key, bound, node, seen: node !== undefined })
/** As a server of ours says it before any visitor came. */
const named = (key: string, node: string): Slot => ({ key, bound: true, node, seen: false })
const view = (more: Partial<CoverView>): CoverView => ({
  total: 3,
  slots: [slot('1')],
  rounds: 0,
  stranger: false,
  nameless: false,
  visitable: true,
  dialsLeft: 12,
  ...more
})

describe('nextCoverStep', () => {
  it.each([
    ['probes for a connector that no probe came back over', {}, { kind: 'probe' }],
    ['dials for each replica that is not held', { slots: [slot('1', 'a')], rounds: 1 }, { kind: 'dial', count: 2 }],
    ['dials no more than it may', { slots: [slot('1', 'a')], rounds: 1, dialsLeft: 1 }, { kind: 'dial', count: 1 }],
    [
      'lets go of the later one on a replica',
      { slots: [slot('1', 'a'), slot('2', 'b'), slot('3', 'a')] },
      { kind: 'release', keys: ['3'] }
    ],
    ['keeps a double whose elder is not bound', { slots: [slot('1', 'a', false), slot('2', 'a')], total: 1, rounds: 1 }, { kind: 'rest' }],
    [
      'waits for a lost connector instead of dialling beside it',
      { slots: [slot('1', 'a'), slot('2', undefined, false)], total: 2, rounds: 1 },
      { kind: 'rest' }
    ],
    ['looks once more before it rests', { slots: [slot('1', 'a'), slot('2', 'b'), slot('3', 'c')] }, { kind: 'probe' }],
    [
      'rests when each replica has one',
      { slots: [slot('1', 'a'), slot('2', 'b'), slot('3', 'c')], rounds: 1 },
      { kind: 'rest', why: undefined }
    ],
    [
      'dials once more when somebody else answers',
      { slots: [slot('1', 'a'), slot('2', 'b'), slot('3', 'c')], rounds: 1, stranger: true },
      { kind: 'dial', count: 1 }
    ],
    ['rests while nothing is bound', { slots: [slot('1', undefined, false)] }, { kind: 'rest', why: undefined }],
    ['probes for a connector whose server said its name', { slots: [named('1', 'a')], rounds: 1 }, { kind: 'probe' }],
    [
      'lets go of doubles before any probe where servers say their names',
      { slots: [named('1', 'a'), named('2', 'a')] },
      { kind: 'release', keys: ['2'] }
    ],
    ['dials on without probes where none can be sent', { slots: [named('1', 'a')], visitable: false }, { kind: 'dial', count: 2 }],
    [
      'rests without probes when each of those is held',
      { slots: [named('1', 'a'), named('2', 'b'), named('3', 'c')], visitable: false },
      { kind: 'rest', why: undefined }
    ],
    ['leaves a single replica alone that cannot be visited', { total: 1, visitable: false }, { kind: 'rest', why: undefined }]
  ] as const)('%s', (_, more, step) => {
    expect(nextCoverStep(view(more as Partial<CoverView>))).toMatchObject(step)
  })

  it.each([
    ['the server gives no name', { nameless: true }, 'Gost-Forwarded-Node'],
    ['nobody can be a visitor', { visitable: false }, 'no way to be a visitor'],
    ['the address leads to the same replicas', { slots: [slot('1', 'a')], rounds: 1, dialsLeft: 0 }, 'leads to no other'],
    ['a connector gets no visitors', { rounds: 4 }, '1 of 1 connectors']
  ] as const)('says why it stays partial when %s', (_, more, why) => {
    const step = nextCoverStep(view(more))
    expect(step.kind === 'rest' ? step.why : step).toContain(why)
  })

  it('holds all replicas in the end, never leaving one that it holds, wherever the dials lead', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.infiniteStream(fc.nat(4)), (total, chance) => {
        const lands = (): string => `node${(chance.next().value ?? 0) % total}`
        const truth = new Map([['1', lands()]])
        let slots = [slot('1')]
        let rounds = 0
        let dials = 0
        for (let steps = 0; steps < 200; steps += 1) {
          const before = new Set(truth.values())
          const step = nextCoverStep(view({ total, slots, rounds, dialsLeft: dialsFor(total) - dials }))
          if (step.kind === 'rest') {
            expect(step.why === undefined).toBe(before.size === total)
            if (step.why !== undefined) expect(dials).toBe(dialsFor(total))
            expect(slots).toHaveLength(before.size)
            return
          }
          if (step.kind === 'probe') {
            rounds += 1
            slots = slots.map(({ key }) => slot(key, truth.get(key)))
          } else if (step.kind === 'release') {
            for (const key of step.keys) truth.delete(key)
            slots = slots.filter(({ key }) => truth.has(key))
          } else {
            for (let each = 0; each < step.count; each += 1) {
              dials += 1
              truth.set(`d${dials}`, lands())
              slots = [...slots, slot(`d${dials}`)]
            }
            rounds = 0
          }
          for (const node of before) expect([...truth.values()]).toContain(node)
        }
        throw new Error('it does not come to rest')
      })
    )
  })
})

describe('heldOf', () => {
  it.each([
    [0, 3, [slot('1', 'a', false)]],
    [1, 3, [slot('1'), slot('2')]],
    [2, 3, [slot('1', 'a'), slot('2', 'b'), slot('3')]],
    [1, 1, [slot('1', 'a'), slot('2', 'b')]]
  ])('is %i of %i', (held, total, slots) => {
    expect(heldOf({ slots, total })).toBe(held)
  })
})

describe('probesFor', () => {
  it('sends more of them the smaller the share, within bounds', () => {
    expect(probesFor(3, 1, 1)).toBe(12)
    expect(probesFor(2, 4, 1)).toBe(16)
    expect(probesFor(2, 2, 0.5)).toBe(16)
    expect(probesFor(3, 3, 0.01)).toBe(60)
  })
})
