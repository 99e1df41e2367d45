/** Copies instead of visitors: their part of the flag table (`flags.ts`). */
import type { FlagSpec } from './flag-spec.ts'

const SESSION = ['intercept'] as const

export const MIRROR_FLAGS = [
  {
    name: 'mirror',
    arity: 'optional',
    commands: SESSION,
    argument: '100%',
    summary:
      'the cluster answers every visitor; the local app gets a copy of each request, or of this part of them, and its answers are compared, never sent',
    config: 'mirror'
  },
  {
    name: 'ignore-header',
    arity: 'many',
    commands: SESSION,
    argument: 'NAME',
    summary: 'with --mirror: a header of answers that is not compared, beside those that always differ (Date, …: docs/mirror.md)',
    config: 'ignore-header'
  }
] as const satisfies readonly FlagSpec[]
