/** `kubectl intercept env TARGET`: the environment of a target's container, printed or written to a file; with `--mount` its files. */
import { EXIT } from '../../base/errors.ts'
import { printable } from '../../base/format.ts'
import type { Variable } from '../../environment/types.ts'
import { renderTable } from '../../output/table.ts'
import type { CommandContext } from '../context.ts'
import { readEnvironmentFiles, sayLeftOut, sayOn, sayWhatIsMissing, wantsFiles, writeEnvironmentFiles } from '../environment-output.ts'
import { loadEnvironment } from '../load-environment.ts'
import { formatFor } from '../output-format.ts'
import { badUsage, quoted } from '../usage-error.ts'

const HIDDEN = '••••••'
const CELL = 60

export async function run(context: CommandContext): Promise<number> {
  const { args } = context
  formatFor('env', args)
  const files = readEnvironmentFiles(args)
  const [word, second] = args.words
  if (word === undefined) throw badUsage('env needs a target', 'for example: kubectl intercept env svc/nginx')
  if (second !== undefined) throw badUsage(`env takes one target, but was given ${quoted(second)} too`, `kubectl intercept env ${word}`)
  if (wantsFiles(files) && args.text('output') !== undefined) {
    throw badUsage(
      '-o chooses what is printed, and with --env-file or --env-json nothing is',
      'choose with --env-syntax: kubectl intercept env svc/nginx --env-file app.env --env-syntax docker'
    )
  }
  const mounts = args.all('mount').length > 0
  if (!mounts) return printEnvironment(context, word)
  const { runMount } = await import('../mount-session.ts')
  const printed = wantsFiles(files) || args.text('output') !== undefined ? await printEnvironment(context, word) : EXIT.OK
  const mounted = await runMount(context, word)
  return mounted === EXIT.OK ? printed : mounted
}

async function printEnvironment(context: CommandContext, word: string): Promise<number> {
  const { args, io } = context
  const format = formatFor('env', args)
  const files = readEnvironmentFiles(args)
  const [{ redact }, { encodeEnvironment }] = await Promise.all([
    import('../../environment/redact.ts'),
    import('../../environment/syntax.ts')
  ])
  const found = await loadEnvironment(context, word)
  const variables = args.on('redact') ? redact(found.variables) : found.variables
  if (wantsFiles(files)) await writeEnvironmentFiles(variables, files, io)
  else if (format === 'wide') io.stdout.write(table(variables, !args.on('no-headers')))
  else {
    const encoded = encodeEnvironment(variables, format)
    io.stdout.write(encoded.text)
    sayLeftOut(encoded, format, io)
  }
  sayWhatIsMissing(found, sayOn(io))
  return found.missing.length > 0 ? EXIT.DIFFERENCES : EXIT.OK
}

/** For the eye: what comes from a Secret stays hidden, and long values are cut. */
const table = (variables: readonly Variable[], headings: boolean): string =>
  renderTable(
    headings ? ['NAME', 'VALUE', 'SOURCE'] : undefined,
    variables.map(({ name, value, source, secret }) => [name, secret ? HIDDEN : value === '' ? '""' : printable(value, CELL), source])
  )
