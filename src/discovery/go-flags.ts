/** The grammar of Go's flag package for gost's command line (cmd/gost/main.go). Parsing stops at the first word that is no flag, or after a lone `--`. */

/** gost's flags that take a value. All others are switches. */
const WITH_VALUE = new Set(['L', 'F', 'C', 'O', 'api', 'metrics', 'R'])
const SWITCHES = new Set(['V', 'D', 'DD', 'h', 'help'])

export interface GostFlags {
  listen: string[]
  forward: string[]
  config: string[]
  api: string | undefined
  /** Words behind the point where Go stops. */
  rest: string[]
  /** Why gost would refuse to start with this line. */
  problems: string[]
}

/** `-L v`, `-L=v`, `--L v`, `--L=v`. */
export function parseGoFlags(argv: readonly string[]): GostFlags {
  const flags: GostFlags = { listen: [], forward: [], config: [], api: undefined, rest: [], problems: [] }
  let at = 0
  for (; at < argv.length; at += 1) {
    const word = argv[at] ?? ''
    if (word === '--') {
      at += 1
      break
    }
    const match = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(word)
    if (match === null) break
    const [, name = '', inline] = match
    if (WITH_VALUE.has(name)) {
      const value = inline ?? argv[at + 1]
      if (inline === undefined) at += 1
      if (value === undefined) flags.problems.push(`-${name} has no value`)
      else store(flags, name, value)
    } else if (!SWITCHES.has(name)) {
      flags.problems.push(`gost knows no flag -${name}`)
      break
    }
  }
  flags.rest = argv.slice(at)
  return flags
}

function store(flags: GostFlags, name: string, value: string): void {
  if (name === 'L') flags.listen.push(value)
  else if (name === 'F') flags.forward.push(value)
  else if (name === 'C') flags.config.push(value)
  else if (name === 'api') flags.api = value
}
