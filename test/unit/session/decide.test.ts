import { describe, expect, it } from 'vitest'
import { decide } from '../../../src/session/decide.ts'

const facts = { mirrored: false, mine: true, canReturn: true, localUp: true, givesPaused: false, keep: 1 }

describe('decide', () => {
  it.each([
    ['stays with a healthy app', {}, 0.99, { to: 'local' }],
    ['goes back while the port is closed', { localUp: false }, 0, { to: 'return', why: 'local-down' }],
    ['goes back while the app is silent, when that is wanted', { givesPaused: true }, 0, { to: 'return', why: 'local-paused' }],
    ['goes back when it is not mine, also where no pod can take it', { mine: false, canReturn: false }, 0, { to: 'return', why: 'filter' }],
    [
      'goes to a pod while it is mirrored, whatever else',
      { mirrored: true, localUp: false, mine: false },
      0,
      { to: 'return', why: 'mirror' }
    ],
    ['goes back above the share', { keep: 0.25 }, 0.25, { to: 'return', why: 'thinned' }],
    ['stays within the share', { keep: 0.25 }, 0.24, { to: 'local' }],
    [
      'stays where no pod can take it, whatever else',
      { canReturn: false, localUp: false, givesPaused: true, keep: 0 },
      0.5,
      { to: 'local' }
    ]
  ] as const)('%s', (_title, more, draw, decision) => {
    expect(decide({ ...facts, ...more }, draw)).toEqual(decision)
  })
})
