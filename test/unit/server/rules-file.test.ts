import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { parseRules } from '../../../src/server/rules-file.ts'

const ID = '10bc451e-59dc-4c70-999e-91a30813ac78'

describe('a file of rules', () => {
  it('has a host and a tunnel id in each line', () => {
    expect(parseRules(`# ours\n\nnginx.local ${ID}\n*.shop.example: ${ID.toUpperCase()} # all\r\n.x $${ID}\n* ${ID}`, 'rules')).toEqual([
      { host: 'nginx.local', tunnelId: ID, private: false },
      { host: '*.shop.example', tunnelId: ID, private: false },
      { host: '.x', tunnelId: ID, private: true },
      { host: '*', tunnelId: ID, private: false }
    ])
    expect(parseRules('', 'rules')).toEqual([])
  })

  it.each([
    [`a ${ID}\nb`, 'rules, line 2: b has no tunnel id behind it'],
    [`a ${ID.slice(1)}`, 'rules, line 1: a has no tunnel id behind it'],
    [`a b! ${ID}`, 'rules, line 1: a has no tunnel id behind it'],
    [`a/b ${ID}`, 'rules, line 1: "a/b" is no host name'],
    [`a ${ID} x`, 'rules, line 1: there is more than a host and an id']
  ])('is refused as a whole for %j', (text, message) => {
    expect(() => parseRules(text, 'rules')).toThrow(message)
  })

  it('never fails but with a line, and never shows an id', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), text => {
        try {
          parseRules(`${text}\nx ${ID} y`, 'rules')
          throw new Error('accepted')
        } catch (error) {
          if (!(error instanceof InterceptError)) throw error
          expect(error.message).toMatch(/^rules, line \d+: /)
          expect(error.message).not.toContain(ID)
        }
      }),
      { numRuns: 200 }
    )
  })
})
