/** Personal intercepts, only what matches: their part of the flag table (`flags.ts`). */
import type { FlagSpec } from './flag-spec.ts'

const SESSION = ['intercept'] as const
const MATCH = 'exact, with * for any text, or ~regex; all flags must match'

export const FILTER_FLAGS = [
  {
    name: 'header',
    arity: 'many',
    commands: SESSION,
    argument: 'NAME: VALUE',
    summary: `take only the requests with this header (${MATCH}); the others stay in the cluster`,
    config: 'header'
  },
  {
    name: 'path',
    arity: 'many',
    commands: SESSION,
    argument: 'PATTERN',
    summary: "take only the requests for this path, e.g. '/api/*'",
    config: 'path'
  },
  {
    name: 'method',
    arity: 'many',
    commands: SESSION,
    argument: 'PATTERN',
    summary: 'take only the requests with this method',
    config: 'method'
  },
  { name: 'host', arity: 'many', commands: SESSION, argument: 'PATTERN', summary: 'take only the requests for this host', config: 'host' }
] as const satisfies readonly FlagSpec[]
