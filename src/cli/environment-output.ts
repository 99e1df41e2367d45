/** An environment to where the flags want it: files, or text for stdout, and what a person must know about it. Shared by `env` and `intercept`. */
import { printable } from '../base/format.ts'
import type { Environment } from '../environment/environment.ts'
import { type Encoded, encodeEnvironment, SYNTAXES, type SyntaxName } from '../environment/syntax.ts'
import type { Variable } from '../environment/types.ts'
import type { Io } from './io.ts'
import type { ParsedArgs } from './parse.ts'
import { writePrivateFile } from './private-file.ts'
import { badUsage, quoted } from './usage-error.ts'
import { readChoice } from './values.ts'

export interface EnvironmentFiles {
  /** `--env-file`, in this syntax. */
  file: string | undefined
  syntax: SyntaxName
  /** `--env-json`. */
  json: string | undefined
}

export function readEnvironmentFiles(args: ParsedArgs): EnvironmentFiles {
  const [file, json, syntax] = [args.text('env-file'), args.text('env-json'), args.text('env-syntax')]
  if (syntax !== undefined && file === undefined) {
    throw badUsage(
      '--env-syntax says how --env-file is written',
      'add --env-file FILE; what is printed is chosen with -o, as in kubectl intercept env svc/nginx -o sh'
    )
  }
  for (const [flag, text] of [
    ['--env-file', file],
    ['--env-json', json]
  ] as const)
    if (text === '') throw badUsage(`${flag} needs the name of a file`, `for example: ${flag} app.env`)
  if (file !== undefined && file === json)
    throw badUsage(`--env-file and --env-json both name ${quoted(file)}`, 'give each a file of its own')
  return { file, json, syntax: syntax === undefined ? 'dotenv' : readChoice({ flag: '--env-syntax', text: syntax }, SYNTAXES) }
}

export const wantsFiles = ({ file, json }: EnvironmentFiles): boolean => file !== undefined || json !== undefined

/** Both texts are made before the first is written: what cannot be written leaves nothing behind. */
export async function writeEnvironmentFiles(variables: readonly Variable[], files: EnvironmentFiles, io: Io): Promise<void> {
  const { file, json, syntax } = files
  const jobs = [
    ...(file === undefined ? [] : [{ typed: { flag: '--env-file', text: file }, ...encodeEnvironment(variables, syntax) }]),
    ...(json === undefined ? [] : [{ typed: { flag: '--env-json', text: json }, ...encodeEnvironment(variables, 'json') }])
  ]
  for (const { typed, text, unnamed, left } of jobs) {
    await writePrivateFile(typed, text, io)
    sayLeftOut({ unnamed, left }, syntax, io)
    io.stderr.write(`wrote ${variables.length - unnamed.length - left.length} variables to ${printable(typed.text)}\n`)
  }
}

/** Names that a syntax has no way to write, and those that a shell here needs for itself. */
export function sayLeftOut({ unnamed, left }: Pick<Encoded, 'unnamed' | 'left'>, syntax: SyntaxName, io: Io): void {
  if (unnamed.length > 0)
    io.stderr.write(
      `warning: left out, since ${syntax} has no such names: ${unnamed.map(name => printable(name)).join(', ')} (-o json has them)\n`
    )
  if (left.length > 0) io.stderr.write(`note: left out, since a shell here needs its own: ${left.join(', ')} (-o json has them)\n`)
}

/** One line for each thing that a person should know. */
export function sayWhatIsMissing({ missing, skipped, notes }: Environment, say: (line: string) => void): void {
  for (const { what, why } of missing) say(`missing: ${what}: ${why}`)
  for (const line of skipped) say(`warning: ${line}`)
  for (const note of notes) say(`note: ${note}`)
  for (const hint of new Set(missing.flatMap(({ hint }) => hint ?? []))) say(`hint: ${hint}`)
}

export const sayOn =
  (io: Io) =>
  (line: string): void =>
    void io.stderr.write(`${printable(line)}\n`)
