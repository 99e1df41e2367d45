/** An environment to where the flags want it: files, or text for stdout, and what a person must know about it. Shared by `env` and `intercept`. */
import { printable } from '../base/format.ts'
import type { Environment } from '../environment/environment.ts'
import { encodeEnvironment, SYNTAXES, type SyntaxName } from '../environment/syntax.ts'
import type { Variable } from '../environment/types.ts'
import type { Io } from './io.ts'
import type { ParsedArgs } from './parse.ts'
import { writePrivateFile } from './private-file.ts'
import { badUsage } from './usage-error.ts'
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
  for (const { typed, text, unnamed } of jobs) {
    await writePrivateFile(typed, text, io)
    sayUnnamed(unnamed, syntax, io)
    io.stderr.write(`wrote ${variables.length - unnamed.length} variables to ${printable(typed.text)}\n`)
  }
}

/** Names that a syntax has no way to write. */
export function sayUnnamed(unnamed: readonly string[], syntax: SyntaxName, io: Io): void {
  if (unnamed.length === 0) return
  io.stderr.write(
    `warning: left out, since ${syntax} has no such names: ${unnamed.map(name => printable(name)).join(', ')} (-o json has them)\n`
  )
}

/** One line for each thing that a person should know. */
export function sayWhatIsMissing({ missing, skipped, notes }: Environment, io: Io): void {
  for (const { what, why } of missing) io.stderr.write(`missing: ${printable(`${what}: ${why}`)}\n`)
  for (const line of skipped) io.stderr.write(`warning: ${printable(line)}\n`)
  for (const note of notes) io.stderr.write(`note: ${printable(note)}\n`)
  for (const hint of new Set(missing.flatMap(({ hint }) => hint ?? []))) io.stderr.write(`hint: ${printable(hint)}\n`)
}
