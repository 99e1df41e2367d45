import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import type { TargetState } from '../../../src/event/types.ts'
import { parseFilter } from '../../../src/filter/filter.ts'
import type { Change, Changed } from '../../../src/session/change.ts'
import type { Intercept } from '../../../src/session/options.ts'
import { readChange, setCommand } from '../../../src/session/set-command.ts'

describe('readChange', () => {
  it.each([
    [{ weight: 30 }, { kind: 'weight', weight: 30 }],
    [{ split: 0.5 }, { kind: 'split', share: 0.5, throughLaptop: false }],
    [
      { split: 1, throughLaptop: true },
      { kind: 'split', share: 1, throughLaptop: true }
    ],
    [{ filter: ' ' }, { kind: 'filter', filter: undefined, throughLaptop: false }],
    [
      { filter: 'path:/a', throughLaptop: true },
      { kind: 'filter', filter: expect.objectContaining({ text: 'path:/a' }), throughLaptop: true }
    ],
    [{ hold: true }, { kind: 'hold' }],
    [{ release: true, hold: false }, { kind: 'release' }]
  ])('reads %j', (args, change) => {
    expect(readChange(args, parseFilter)).toEqual(change)
  })

  it.each([
    [{}, /nothing to set/],
    [{ hold: false }, /nothing to set/],
    [{ weight: 0 }, /1 to 255/],
    [{ weight: 256 }, /1 to 255/],
    [{ weight: 1.5 }, /1 to 255/],
    [{ weight: '30' }, /1 to 255/],
    [{ split: 0 }, /above 0/],
    [{ split: 1.01 }, /above 0/],
    [{ split: Number.NaN }, /above 0/],
    [{ hold: 'yes' }, /must be true/],
    [{ hold: true, release: true }, /at once/],
    [{ weight: 1, split: 0.5 }, /at once/],
    [{ filter: 1 }, /must be a text/],
    [{ filter: 'path:' }, /cannot be read/]
  ])('refuses %j', (args, message) => {
    expect(() => readChange(args, parseFilter)).toThrow(message)
  })
})

/** Targets that note what reaches them; `refuses` cannot be changed. */
function targets(...names: string[]) {
  const done: [name: string, change: Change, by: string][] = []
  const running = names.map(text => {
    const [name = '', state = 'verified'] = text.split(':')
    const target: Pick<Intercept, 'name' | 'state' | 'check' | 'change'> = {
      name,
      state: state as TargetState,
      check: () => {
        if (name === 'refuses') throw new InterceptError('CONSENT_NEEDED', 'no')
      },
      change: (change, by) => {
        done.push([name, change, by])
        return Promise.resolve({ target: name, changed: true } as Changed)
      }
    }
    return target as Intercept
  })
  return { run: setCommand(running), done }
}

describe('set', () => {
  it('changes the named targets, each once, or all that run', async () => {
    const { run, done } = targets('web', 'cart', 'gone:ended')
    expect(await run({ targets: ['cart', 'cart'], hold: true }, 'tui')).toEqual({ targets: [{ target: 'cart', changed: true }] })
    expect(done).toEqual([['cart', { kind: 'hold' }, 'tui']])
    await run({ weight: 9 }, 'control')
    expect(done.slice(1).map(([name, , by]) => [name, by])).toEqual([
      ['web', 'control'],
      ['cart', 'control']
    ])
  })

  it('touches none when one of them cannot be changed', async () => {
    const { run, done } = targets('web', 'refuses')
    await expect(run({ weight: 9 }, 'control')).rejects.toMatchObject({ code: 'CONSENT_NEEDED' })
    expect(done).toEqual([])
  })

  it.each([
    [{ targets: ['wbe'], hold: true }, 'TARGET_NOT_FOUND'],
    [{ targets: ['gone'], hold: true }, 'TARGET_NOT_FOUND'],
    [{ targets: [], hold: true }, 'BAD_USAGE'],
    [{ targets: 'web', hold: true }, 'BAD_USAGE']
  ])('refuses %j', async (args, code) => {
    const { run, done } = targets('web', 'gone:failed')
    await expect(run(args, 'control')).rejects.toMatchObject({ code })
    expect(done).toEqual([])
  })

  it('says that nothing runs any more', async () => {
    await expect(targets('gone:ended').run({ hold: true }, 'control')).rejects.toMatchObject({ code: 'NO_SESSION' })
  })
})
