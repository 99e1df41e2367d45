/** The words that are commands: a target of such a name is written `svc/NAME`. */

export const COMMAND_NAMES = [
  'intercept',
  'list',
  'set',
  'leave',
  'replay',
  'env',
  'access',
  'demo',
  'version',
  'help',
  'server',
  'sidecar'
] as const
export type CommandName = (typeof COMMAND_NAMES)[number]

export const isCommandName = (word: string): word is CommandName => (COMMAND_NAMES as readonly string[]).includes(word)
