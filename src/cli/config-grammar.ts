/** What `.kubectl-intercept.yaml` may hold, from the flag table. The compiler wants a kind of value for every key of it, and none for others. */
import { InterceptError } from '../base/errors.ts'
import type { ConfigKey, Grammar } from '../config/types.ts'
import type { Value } from '../config/values.ts'
import { SYNTAXES } from '../environment/syntax.ts'
import { parseTarget } from '../resolve/target.ts'
import { COMMAND_NAMES } from './command-names.ts'
import type { FlagSpec } from './flag-spec.ts'
import { belongsTo, FLAGS } from './flags.ts'
import { heading } from './help.ts'
import { LATER_COMMANDS } from './later.ts'

type KeyName = Exclude<(typeof FLAGS)[number]['config'], 'never'>

const VALUES: Readonly<Record<KeyName, Value>> = {
  port: { kind: 'port' },
  weight: { kind: 'whole', min: 1, max: 255 },
  split: { kind: 'percent' },
  header: { kind: 'patterns', what: 'a name, a colon and a value, such as "X-User: ada"', form: /^[^:\s]+:./ },
  path: { kind: 'patterns', what: 'a pattern such as "/api/*"', form: /./ },
  method: { kind: 'patterns', what: 'a pattern such as POST', form: /./ },
  host: { kind: 'patterns', what: 'a pattern such as nginx.local', form: /./ },
  mirror: { kind: 'percent' },
  'ignore-header': { kind: 'patterns', what: 'the name of a header, such as X-Served-By', form: /^[^:\s]+$/ },
  'no-fallback': { kind: 'switch' },
  'return-limit': { kind: 'whole', min: 1, max: 100_000 },
  'on-pause': { kind: 'choice', choices: ['wait', 'cluster'] },
  'no-wait': { kind: 'switch' },
  capture: { kind: 'choice', choices: ['on', 'off'] },
  grace: { kind: 'duration' },
  'require-all': { kind: 'switch' },
  'probe-path': { kind: 'path' },
  container: { kind: 'name' },
  'env-syntax': { kind: 'choice', choices: SYNTAXES },
  output: { kind: 'choice', choices: ['plain', 'json'] },
  context: { kind: 'name' },
  namespace: { kind: 'name' }
}

/** Means something else, or nothing, in a file for sessions. */
const hasKey = (flag: FlagSpec): boolean => flag.config in VALUES

export const CONFIG_KEYS: readonly ConfigKey[] = FLAGS.filter(hasKey).map((flag: FlagSpec): ConfigKey => {
  const said = flag.inCommand?.intercept ?? flag
  return {
    name: flag.config,
    flag: flag.name,
    summary: said.summary,
    ...(said.default === undefined ? {} : { default: said.default }),
    value: VALUES[flag.config as KeyName]
  }
})

const WHY = 'a file that may have come with a cloned repository does not decide this'

/** Flags that a file must not set, and a program to start. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['command', `${WHY}; type it: kubectl intercept NAME -- COMMAND`],
  ...FLAGS.filter(
    (flag: FlagSpec) => flag.config === 'never' && flag.unused === undefined && flag.commands !== 'all' && belongsTo(flag, 'intercept')
  ).map((flag: FlagSpec): [string, string] => [flag.name, `${WHY}; if it is meant, type ${heading(flag).trim()}`])
])

export const CONFIG_GRAMMAR: Grammar = {
  keys: CONFIG_KEYS,
  refused: REFUSED,
  commands: [...COMMAND_NAMES, ...LATER_COMMANDS.map(({ name }) => name)],
  wrongTarget(text) {
    try {
      parseTarget(text)
      return undefined
    } catch (error) {
      if (error instanceof InterceptError) return error.message
      throw error
    }
  }
}
