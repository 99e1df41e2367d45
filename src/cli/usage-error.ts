/** The one way to say that a command line cannot be understood: a sentence and the right form of the command. */
import { InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'

export const badUsage = (message: string, hint: string): InterceptError => new InterceptError('BAD_USAGE', message, { hint })

/** `kubectl intercept list`; the default command has no word of its own. */
export const commandLine = (command: string): string => (command === 'intercept' ? 'kubectl intercept' : `kubectl intercept ${command}`)

export const seeHelp = (command: string): string => `for the flags: ${commandLine(command)} --help`

/** What was typed, as a message may repeat it: short, printable, without the login of a URL. */
export const quoted = (text: string): string => `"${printable(text.replace(/\/\/[^/@]*@/, '//…@'), 100)}"`

export const NAME_ONE = 'name one, as in kubectl intercept svc/nginx --port 8080; what there is: kubectl intercept list'
