/**
 * Finds the command of a command line and brings its flags into one form (`--name`, `--name=value`) before yargs sees them: cut at the first
 * `--`, then the first word decides, flags being skipped by their arity. What follows `server` and `sidecar` is gost's grammar and stays as it is.
 */
import { nearest } from '../base/format.ts'
import type { InterceptError } from '../base/errors.ts'
import { type CommandName, isCommandName } from './command-names.ts'
import type { Arity } from './flag-spec.ts'
import { belongsTo, flagNamed, flagsOf, flagWithLetter } from './flags.ts'
import { laterCommand } from './later.ts'
import { badUsage, commandLine, quoted, seeHelp } from './usage-error.ts'

export interface RoutedArgv {
  command: CommandName
  /** Words, and flags as `--name` or `--name=value`; untouched for `server` and `sidecar`. */
  args: string[]
  /** What follows `--`. */
  child: string[] | undefined
  /** `-h` or `--help` was among the flags. */
  help: boolean
  version: boolean
}

/** A flag as it was met: spelled by the user, named by us. */
interface Met {
  spelling: string
  name: string
  value: string | undefined
}

interface Shape {
  name: string
  arity: Arity
}

const RAW: readonly CommandName[] = ['server', 'sidecar']
const TRUE = /^(?:1|t|true)$/i
const FALSE = /^(?:0|f|false)$/i

export function routeArgv(argv: readonly string[]): RoutedArgv {
  const cut = argv.indexOf('--')
  const head = cut === -1 ? argv : argv.slice(0, cut)
  const words: string[] = []
  const flags: Met[] = []
  const unknown: string[] = []
  for (let at = 0; at < head.length; ) {
    const token = head[at] ?? ''
    at += 1
    if (token.startsWith('-') && token !== '-') {
      at += readFlag(token, head[at], { flags, unknown })
      continue
    }
    if (words.length === 0 && isCommandName(token) && RAW.includes(token)) return rawCommand(token, argv.slice(argv.indexOf(token) + 1))
    words.push(token)
  }
  return assemble({ words, flags, unknown, child: cut === -1 ? undefined : argv.slice(cut + 1) })
}

function rawCommand(command: CommandName, args: readonly string[]): RoutedArgv {
  return { command, args: [...args], child: undefined, help: args.includes('--help') || args.includes('-h'), version: false }
}

/** Reads one flag token; returns how many further tokens it took. */
function readFlag(token: string, next: string | undefined, into: { flags: Met[]; unknown: string[] }): number {
  return token.startsWith('--') ? readLong(token, next, into) : readLetters(token, next, into)
}

function readLong(token: string, next: string | undefined, into: { flags: Met[]; unknown: string[] }): number {
  const equals = token.indexOf('=')
  const spelling = equals === -1 ? token : token.slice(0, equals)
  const shape: Shape | undefined = flagNamed(spelling.slice(2))
  if (shape === undefined) {
    into.unknown.push(spelling)
    return 0
  }
  const value = equals === -1 ? undefined : token.slice(equals + 1)
  return addFlag(shape, { spelling, value, next }, into.flags)
}

/** `-p 8080`, `-p8080`, `-p=8080`, `-Aw`: letters until one takes a value. `-port` is taken for a mistyped `--port`, not for `-p ort`. */
function readLetters(token: string, next: string | undefined, into: { flags: Met[]; unknown: string[] }): number {
  const [name = ''] = token.slice(1).split('=')
  if (name.length > 1 && flagNamed(name) !== undefined) {
    into.unknown.push(`-${name}`)
    return 0
  }
  for (let at = 1; at < token.length; at += 1) {
    const letter = token.charAt(at)
    const shape: Shape | undefined = flagWithLetter(letter)
    if (shape === undefined) {
      into.unknown.push(token)
      return 0
    }
    const rest = token.slice(at + 1)
    const takesRest = rest !== '' && (shape.arity === 'one' || shape.arity === 'many' || rest.startsWith('='))
    if (takesRest) return addFlag(shape, { spelling: `-${letter}`, value: rest.replace(/^=/, ''), next }, into.flags)
    const taken = addFlag(shape, { spelling: `-${letter}`, value: undefined, next }, into.flags)
    if (rest === '') return taken
  }
  return 0
}

function addFlag(shape: Shape, met: { spelling: string; value: string | undefined; next: string | undefined }, flags: Met[]): number {
  const { spelling, value, next } = met
  if (shape.arity === 'none' || shape.arity === 'optional' || value !== undefined) {
    flags.push({ spelling, name: shape.name, value })
    return 0
  }
  if (next === undefined) throw missingValue(spelling, shape.name)
  flags.push({ spelling, name: shape.name, value: next })
  return 1
}

function missingValue(spelling: string, name: string): InterceptError {
  const argument = flagNamed(name)?.argument ?? 'VALUE'
  return badUsage(`${spelling} needs a value`, `write --${name} ${argument}; all flags: the same command with --help`)
}

function assemble(seen: { words: string[]; flags: Met[]; unknown: string[]; child: readonly string[] | undefined }): RoutedArgv {
  const first = seen.words[0]
  const named = first !== undefined && isCommandName(first)
  const command: CommandName = named ? first : 'intercept'
  const later = first === undefined ? undefined : laterCommand(first)
  if (later !== undefined && first !== undefined) {
    throw badUsage(
      `kubectl intercept ${first} (${later.what}) comes in a later version`,
      `a resource of that name is written kubectl intercept svc/${first}; the commands of this version: kubectl intercept --help`
    )
  }
  const help = seen.flags.some(({ name, value }) => name === 'help' && value === undefined)
  const [bad] = seen.unknown
  if (bad !== undefined) throw unknownFlag(bad, command)
  const args = [...seen.flags.map(flag => canonical(flag, command)), ...seen.words.slice(named ? 1 : 0)]
  const version = seen.flags.some(({ name }) => name === 'version')
  return { command, args, child: seen.child === undefined ? undefined : [...seen.child], help, version }
}

function canonical({ spelling, name, value }: Met, command: CommandName): string {
  const flag = flagNamed(name)
  if (flag === undefined || !belongsTo(flag, command)) {
    throw badUsage(`${spelling} is not a flag of ${commandLine(command)}`, seeHelp(command))
  }
  if (flag.arity === 'optional') return `--${name}=${value ?? flag.argument ?? ''}`
  if (flag.arity !== 'none') return `--${name}=${value ?? ''}`
  if (value === undefined || TRUE.test(value)) return `--${name}`
  if (FALSE.test(value)) return `--${name}=false`
  throw badUsage(`${spelling} is a switch and cannot be ${quoted(value)}`, `write --${name} or --${name}=false; ${seeHelp(command)}`)
}

function unknownFlag(spelling: string, command: CommandName): InterceptError {
  const names = flagsOf(command).map(({ name }) => name)
  const typed = spelling.replace(/^-+/, '')
  const [near] = typed.length < 3 ? [] : nearest(typed, names, 1)
  const hint = near === undefined ? seeHelp(command) : `did you mean --${near}? ${seeHelp(command)}`
  return badUsage(`${commandLine(command)} does not know the flag ${quoted(spelling)}`, hint)
}
