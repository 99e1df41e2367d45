/** Words and flags that the product will have and this version has not: named as such, so that nobody hunts for a typing error. */
import type { Arity } from './flag-spec.ts'

export interface Later {
  readonly name: string
  readonly what: string
}

export interface LaterFlag extends Later {
  readonly short?: string
  readonly arity: Arity
}

export const LATER_COMMANDS: readonly Later[] = [
  { name: 'doctor', what: 'checking a cluster and explaining what is missing' },
  { name: 'setup', what: 'putting a tunnel in front of a service' },
  { name: 'completion', what: 'completion in the shell' },
  { name: 'mcp', what: 'an interface for coding assistants' }
]

export const LATER_FLAGS: readonly LaterFlag[] = [{ name: 'mirror', arity: 'none', what: 'mirroring' }]

export const laterCommand = (word: string): Later | undefined => LATER_COMMANDS.find(({ name }) => name === word)
export const laterFlag = (name: string): LaterFlag | undefined => LATER_FLAGS.find(flag => flag.name === name)
export const laterLetter = (letter: string): LaterFlag | undefined => LATER_FLAGS.find(flag => flag.short === letter)
