import { describe, expect, it } from 'vitest'
import { COMMAND_NAMES } from '../../../src/cli/command-names.ts'
import type { FlagSpec } from '../../../src/cli/flag-spec.ts'
import { FLAGS } from '../../../src/cli/flags.ts'
import { LATER_COMMANDS } from '../../../src/cli/later.ts'

const flags: readonly FlagSpec[] = FLAGS
const all = flags

describe('the flag table', () => {
  it('gives every name and letter one meaning', () => {
    const names = all.map(({ name }) => name)
    const letters = all.flatMap(({ short }) => (short === undefined ? [] : [short]))
    expect(new Set(names).size).toBe(names.length)
    expect(new Set(letters).size).toBe(letters.length)
  })

  it('names the argument of every flag that takes one, and of no other', () => {
    for (const flag of flags) expect([flag.name, flag.argument !== undefined]).toEqual([flag.name, flag.arity !== 'none'])
  })

  it("keeps kubectl's letters", () => {
    const letter = (name: string) => flags.find(flag => flag.name === name)?.short
    expect(['namespace', 'server', 'watch', 'v', 'output', 'selector', 'all-namespaces', 'help'].map(letter)).toEqual([
      'n',
      's',
      'w',
      'v',
      'o',
      'l',
      'A',
      'h'
    ])
  })

  it('lets no configuration file redirect traffic or start programs', () => {
    const secret = [
      'kubeconfig',
      'token',
      'as',
      'server',
      'tunnel-server',
      'tunnel-id',
      'tunnel-auth',
      'via',
      'through-laptop',
      'yes',
      'all',
      'env-file',
      'env-json',
      'record',
      'show-secrets'
    ]
    for (const name of secret) expect([name, flags.find(flag => flag.name === name)?.config]).toEqual([name, 'never'])
  })

  it('tells commands of this version from those of later ones', () => {
    for (const { name } of LATER_COMMANDS) expect(COMMAND_NAMES).not.toContain(name)
  })
})
