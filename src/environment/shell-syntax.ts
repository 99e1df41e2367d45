/** Environments as commands of shells: sh and its family, csh, cmd.exe, PowerShell. Pure. */
import { singleQuoted } from '../base/shell-quote.ts'
import type { Encoding, NamedValue } from './file-syntax.ts'

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** `export A='b'`: any POSIX shell; all characters are literal between single quotes. */
export const sh: Encoding = {
  names: NAME,
  refuse: () => undefined,
  write: variables => variables.map(({ name, value }) => `export ${name}=${singleQuoted(value)}\n`).join('')
}

/** `setenv A 'b'`, to be sourced. Between single quotes csh still sees `!`, and wants newlines escaped. */
export const csh: Encoding = {
  names: NAME,
  refuse: () => undefined,
  write: variables => variables.map(({ name, value }) => `setenv ${name} ${singleQuoted(value).replace(/[!\n]/g, '\\$&')}\n`).join('')
}

/** cmd.exe reads lines of at most 8,191 characters. */
const CMD_LINE = 8_191

/** For a batch file (`call env.cmd`): `%` is doubled there. cmd.exe has no empty variables: such a line unsets it, which programs see as the same. */
export const cmd: Encoding = {
  names: /^[^\s=%"^&|<>!()]+$/,
  refuse: (name, value) => {
    if (/[\r\n]/.test(value)) return 'has several lines, which cmd.exe cannot set'
    if (cmdLine({ name, value }).length > CMD_LINE) return 'is longer than the 8,191 characters of a line of cmd.exe'
    return undefined
  },
  write: variables => {
    const foreign = variables.some(({ value }) => /[^\u0020-\u007e]/.test(value))
    return [...(foreign ? ['@chcp 65001 >nul'] : []), ...variables.map(cmdLine)].map(line => `${line}\r\n`).join('')
  }
}

/** A `"` in the value would end the quotes: then every special character is escaped by itself, and none are put around. */
function cmdLine({ name, value }: NamedValue): string {
  const doubled = value.replaceAll('%', '%%')
  return value.includes('"') ? `@set ${name}=${doubled.replace(/[\^&|<>()"]/g, '^$&')}` : `@set "${name}=${doubled}"`
}

/** PowerShell takes four further characters for single quotes; doubled they are themselves. */
const PS_QUOTES = /['\u2018\u2019\u201a\u201b]/g

export const ps: Encoding = {
  names: /^[^=`{}$"\s]+$/,
  refuse: () => undefined,
  write: variables =>
    variables
      .map(({ name, value }) => `${NAME.test(name) ? `$Env:${name}` : `\${Env:${name}}`} = '${value.replace(PS_QUOTES, '$&$&')}'\n`)
      .join('')
}
