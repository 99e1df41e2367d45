/** Sending recorded requests again: its part of the flag table (`flags.ts`). */
import type { FlagSpec } from './flag-spec.ts'

export const REPLAY_FLAGS = [
  {
    name: 'to',
    arity: 'one',
    commands: ['replay'],
    argument: 'URL',
    summary: 'where to send the requests, e.g. http://localhost:8080',
    default: 'the local app of the recording',
    config: 'never'
  },
  {
    name: 'filter',
    arity: 'many',
    commands: ['replay'],
    argument: 'EXPRESSION',
    summary: 'only what matches, e.g. "method:POST and path:/api/*" (docs/filter.md)',
    config: 'never'
  },
  {
    name: 'diff',
    arity: 'none',
    commands: ['replay'],
    summary: 'compare the answers with the recorded ones; exit code 1 when one differs',
    config: 'never'
  },
  {
    name: 'set-header',
    arity: 'many',
    commands: ['replay'],
    argument: 'NAME: VALUE',
    summary: 'replace or add a header in every request; without a value leave it out',
    config: 'never'
  }
] as const satisfies readonly FlagSpec[]
