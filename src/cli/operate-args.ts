/** Takes our own flags out of the command line of `server` and `sidecar`; what is left is gost's, untouched and in its order. */
import { nearest } from '../base/format.ts'
import { type OperateCommand, type OperateFlagName, operateFlagsOf } from './operate-flags.ts'
import { badUsage, commandLine, quoted, seeHelp } from './usage-error.ts'
import type { Typed } from './values.ts'

/** One setting, as it was typed or stands in a file. */
export interface Given extends Typed {
  readonly name: OperateFlagName
}

/** gost's flags that take a value, and what becomes of those that we lack. */
const GOST_VALUES: Readonly<Record<string, string | undefined>> = {
  L: undefined,
  F: undefined,
  C: undefined,
  O: 'no configuration is written',
  R: 'the configuration is not reloaded at an interval',
  api: 'there is no web API',
  metrics: 'metrics have a flag of their own, --health'
}
const GOST_SWITCHES = new Set(['V', 'D', 'DD', 'h', 'help'])

export interface SplitArgs {
  own: Given[]
  gost: string[]
  /** Flags of gost that have no effect here. */
  warnings: string[]
}

/** Throws BAD_USAGE for a flag that neither knows. */
export function splitArgs(argv: readonly string[], command: OperateCommand): SplitArgs {
  const split: SplitArgs = { own: [], gost: [], warnings: [] }
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? ''
    const [, dashes = '', name = '', value] = /^(--?)([^-=][^=]*)(?:=([\s\S]*))?$/.exec(word) ?? []
    const next = argv[at + 1]
    if (dashes === '' || GOST_SWITCHES.has(name)) split.gost.push(word)
    else if (Object.hasOwn(GOST_VALUES, name)) {
      const why = GOST_VALUES[name]
      const words = value === undefined && next !== undefined ? [word, next] : [word]
      at += words.length - 1
      if (why === undefined) split.gost.push(...words)
      else split.warnings.push(`-${name} has no effect here: ${why}`)
    } else {
      const flag = dashes === '--' ? operateFlagsOf(command).find(each => each.name === name) : undefined
      if (flag === undefined) throw unknownFlag(word.replace(/=[\s\S]*/, ''), command)
      if (flag.arity === 'none') split.own.push({ name: flag.name, flag: `--${name}`, text: value ?? 'true', command })
      else if (value === undefined && next === undefined) {
        throw badUsage(`--${name} needs a value`, `write --${name} ${flag.argument ?? 'VALUE'}; ${seeHelp(command)}`)
      } else {
        split.own.push({ name: flag.name, flag: `--${name}`, text: value ?? next ?? '', command })
        if (value === undefined) at += 1
      }
    }
  }
  return split
}

function unknownFlag(spelling: string, command: OperateCommand): Error {
  const [near] = nearest(
    spelling.replace(/^-+/, ''),
    operateFlagsOf(command).map(({ name }) => name),
    1
  )
  const hint = near === undefined || spelling.length < 5 ? seeHelp(command) : `did you mean --${near}? ${seeHelp(command)}`
  return badUsage(`${commandLine(command)} does not know the flag ${quoted(spelling)}, and neither does gost`, hint)
}
