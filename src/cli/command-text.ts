/** The command line as others may read it (`list`, events, recordings): what could be a secret is left out. */
import { maskUuids } from '../base/log.ts'
import { SECRET_HEADERS } from '../http/secret-header.ts'
import { commandLine } from './usage-error.ts'

const HEADER = /^--header=([^:]+):/
const SECRET = /^--(?:token|password|tunnel-id|tunnel-auth)=(?!@)/

export const commandText = (command: string, args: readonly string[]): string => [commandLine(command), ...args.map(shown)].join(' ')

function shown(arg: string): string {
  if (SECRET.test(arg)) return arg.replace(/=.*/s, '=…')
  const [text, name = ''] = HEADER.exec(arg) ?? []
  if (text !== undefined && SECRET_HEADERS.has(name.trim().toLowerCase())) return `${text} …`
  return maskUuids(arg.replace(/\/\/[^/@]*@/, '//…@'))
}
