/** The command line as others may read it (`list`, events, recordings): what could be a secret is left out. */
import { maskUuids } from '../base/log.ts'
import { commandLine } from './usage-error.ts'

const SECRET = /^--(?:token|password|tunnel-id|tunnel-auth)=(?!@)/

export const commandText = (command: string, args: readonly string[]): string =>
  [
    commandLine(command),
    ...args.map(arg => (SECRET.test(arg) ? arg.replace(/=.*/s, '=…') : maskUuids(arg.replace(/\/\/[^/@]*@/, '//…@'))))
  ].join(' ')
