/** An environment as text for a shell, a container engine or a program. What a syntax cannot carry is an error that names the variable. Pure. */
import { InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { OF_THIS_MACHINE } from './child-environment.ts'
import { type Encoding, compose, docker, dotenv, json } from './file-syntax.ts'
import { cmd, csh, ps, sh } from './shell-syntax.ts'
import type { Variable } from './types.ts'

const ENCODINGS = { dotenv, docker, compose, sh, csh, cmd, ps, json } as const satisfies Record<string, Encoding>

export type SyntaxName = keyof typeof ENCODINGS
export const SYNTAXES = ['dotenv', 'docker', 'compose', 'sh', 'csh', 'cmd', 'ps', 'json'] as const satisfies readonly SyntaxName[]

export interface Encoded {
  text: string
  /** Names that the syntax has no way to write, such as `app.name` in a shell: no program started from there could have them. */
  unnamed: string[]
  /** What a shell finds this machine by, and would not find it by afterwards. */
  left: string[]
}

/** Read into a shell that goes on here, unlike a file for a container. */
const SHELLS: ReadonlySet<SyntaxName> = new Set(['sh', 'csh', 'cmd', 'ps'])

/** Throws BAD_USAGE for a value that the syntax cannot carry: nothing is written then. */
export function encodeEnvironment(variables: readonly Pick<Variable, 'name' | 'value'>[], syntax: SyntaxName): Encoded {
  const encoding: Encoding = ENCODINGS[syntax]
  const isLeft = (name: string): boolean => SHELLS.has(syntax) && OF_THIS_MACHINE.has(name)
  const unnamed = variables.filter(({ name }) => !encoding.names.test(name)).map(({ name }) => name)
  const kept = variables.filter(({ name }) => encoding.names.test(name) && !isLeft(name))
  for (const { name, value } of kept) {
    const why = (syntax !== 'json' && value.includes('\0') ? 'holds a NUL character' : undefined) ?? encoding.refuse(name, value)
    if (why !== undefined) throw cannotCarry(name, why, syntax)
  }
  return { text: encoding.write(kept), unnamed, left: variables.map(({ name }) => name).filter(isLeft) }
}

function cannotCarry(name: string, why: string, syntax: SyntaxName): InterceptError {
  return new InterceptError('BAD_USAGE', `variable ${printable(name)} cannot be written as ${syntax}: its value ${why}`, {
    hint:
      syntax === 'sh' || !ENCODINGS.sh.names.test(name)
        ? 'write JSON: -o json, or --env-json FILE'
        : 'another syntax carries it: -o sh or -o json (--env-syntax sh, --env-json FILE)',
    details: { variable: name, syntax }
  })
}
