/** Words that the product will have and this version has not: named as such, so that nobody hunts for a typing error. */
export interface Later {
  readonly name: string
  readonly what: string
}

export const LATER_COMMANDS: readonly Later[] = [
  { name: 'doctor', what: 'checking a cluster and explaining what is missing' },
  { name: 'setup', what: 'putting a tunnel in front of a service' },
  { name: 'completion', what: 'completion in the shell' },
  { name: 'mcp', what: 'an interface for coding assistants' }
]

export const laterCommand = (word: string): Later | undefined => LATER_COMMANDS.find(({ name }) => name === word)
