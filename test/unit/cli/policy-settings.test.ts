import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parsePolicy } from '../../../src/cli/policy-settings.ts'

const ID = '10bc451e-59dc-4c70-999e-91a30813ac78'
const files: Record<string, string> = { '/run/secrets/bob': 'word\n' }
const parse = (text: string) =>
  parsePolicy(text, 'policy.yaml', path => {
    const found = files[path]
    if (found === undefined) throw new Error('ENOENT')
    return found
  })

describe('a policy', () => {
  it('has users with passwords, tunnels, weights and filters', () => {
    const sha256 = createHash('sha256').update('eve:word').digest('hex')
    const text = `
users:
- {user: ada, password: word, tunnels: [${ID.toUpperCase()}], maxWeight: 254, filters: false}
- {user: bob, passwordFile: /run/secrets/bob}
- {user: eve, sha256: ${sha256}}
`
    expect(parse(text)).toEqual([
      { user: 'ada', password: 'word', tunnels: [ID], maxWeight: 254, filters: false },
      { user: 'bob', password: 'word' },
      { user: 'eve', sha256 }
    ])
  })

  it.each([
    ['', 'line 1: the file must hold "users:" with at least one user'],
    ['users: []', 'the file must hold "users:" with at least one user'],
    ['users: [{user: a, password: b}]\nother: 1', 'and nothing else'],
    ['users:\n- ada', 'each user must be keys and values'],
    ['users:\n- {user: ada}', 'line 2: exactly one of password, passwordFile and sha256'],
    ['users:\n- {user: ada, password: hush, sha256: hush}', 'exactly one of'],
    ['users:\n- {user: ada, password: 1234}', 'as a text'],
    ['users:\n- {user: ada, sha256: hush}', '64 hexadecimal digits'],
    ['users:\n- {user: "a:b", password: hush}', 'without a colon'],
    ['users:\n- {user: ada, password: hush, tunnel: x}', 'there is no "tunnel" of a user'],
    ['users:\n- {user: ada, password: hush, tunnels: hush}', 'tunnels must be a list of tunnel ids'],
    ['users:\n- {user: ada, password: hush, maxWeight: 256}', 'from 1 to 255'],
    ['users:\n- {user: ada, password: hush, filters: 1}', 'true or false'],
    ['users:\n- {user: ada, password: hush}\n- {user: ada, password: hush}', 'line 3: "ada" stands twice'],
    ['users:\n- {user: ada, passwordFile: /none}', 'passwordFile: /none cannot be read (ENOENT)'],
    ['users: {', 'no valid YAML']
  ])('is refused as %j, without its secrets', (text, message) => {
    expect(() => parse(text)).toThrow(message)
    expect(() => parse(text)).not.toThrow('hush')
  })
})
