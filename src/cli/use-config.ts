/** Reads the config file that was found and puts what it says before what was typed. Loaded only when there is a file. */
import { readFile, stat } from 'node:fs/promises'
import { errnoOf, InterceptError } from '../base/errors.ts'
import { mergeConfig, type Merged } from '../config/merge.ts'
import { invalidConfig } from '../config/invalid.ts'
import { LARGEST_CONFIG, parseConfig } from '../config/parse.ts'
import type { CommandName } from './command-names.ts'
import { CONFIG_GRAMMAR } from './config-grammar.ts'
import type { FoundConfig } from './find-config.ts'
import { belongsTo, flagNamed } from './flags.ts'
import type { RoutedArgv } from './route-argv.ts'
import { badUsage } from './usage-error.ts'

export interface UsedConfig {
  /** `using .kubectl-intercept.yaml: port 8080`; undefined when nothing came from it. */
  readonly said: string | undefined
  readonly ignored: readonly string[]
  /** For `--all`, as `--port` would take them. */
  readonly ports: readonly string[]
  /** Names of intercepts, for who mistyped one. */
  readonly names: readonly string[]
}

export async function useConfig(found: FoundConfig, routed: RoutedArgv): Promise<{ routed: RoutedArgv; used: UsedConfig }> {
  const file = parseConfig(await readConfig(found), found.shown, CONFIG_GRAMMAR)
  const flags = new Set(routed.args.flatMap(arg => /^--([^=]+)/.exec(arg)?.[1] ?? []))
  const merged = mergeConfig(file, {
    words: routed.args.filter(arg => !arg.startsWith('-')),
    flags,
    ports: routed.args.flatMap(arg => (arg.startsWith('--port=') ? [arg.slice('--port='.length)] : [])),
    all: routed.args.findLast(arg => /^--all(?:=|$)/.test(arg)) === '--all',
    takes: flag => takes(routed.command, flag, flags)
  })
  refuseConflict(merged, found.shown)
  return {
    routed: { ...routed, args: [...merged.args, ...routed.args.map(arg => renamed(arg, merged.targets))] },
    used: {
      said: merged.said.length === 0 ? undefined : `using ${found.shown}: ${merged.said.join(', ')}`,
      ignored: merged.ignored,
      ports: merged.ports,
      names: [...file.intercepts.keys()]
    }
  }
}

function takes(command: CommandName, name: string, typed: ReadonlySet<string>): boolean {
  const flag = flagNamed(name)
  if (flag === undefined || !belongsTo(flag, command)) return false
  if (name === 'namespace') return !typed.has('all-namespaces')
  if (name === 'output') return command === 'intercept'
  if (name === 'env-syntax') return typed.has('env-file')
  if (name === 'container') return command === 'env' || typed.has('env-file') || typed.has('env-json')
  return true
}

/** A word, or the NAME of a `--port`. */
function renamed(arg: string, targets: Merged['targets']): string {
  if (!arg.startsWith('-')) return targets.get(arg) ?? arg
  const [, name = '', local] = /^--port=([^=]+)=(.*)$/.exec(arg) ?? []
  return local === undefined ? arg : `--port=${targets.get(name) ?? name}=${local}`
}

function refuseConflict({ conflict }: Merged, shown: string): void {
  if (conflict === undefined) return
  const { key, words } = conflict
  throw badUsage(
    `${words[0]} and ${words[1]} differ in ${key} by ${shown}, and a session has one`,
    `start them in two terminals: kubectl intercept ${words[0]}, or type --${key} for both`
  )
}

async function readConfig({ file, shown }: FoundConfig): Promise<string> {
  let bytes: Buffer
  try {
    const found = await stat(file)
    if (found.isDirectory()) throw invalidConfig(`${shown} is a folder, not a file`)
    if (!found.isFile()) throw invalidConfig(`${shown} is no regular file`)
    if (found.size > LARGEST_CONFIG) throw invalidConfig(`${shown} is larger than ${LARGEST_CONFIG / 1_024} KiB`)
    bytes = await readFile(file)
  } catch (error) {
    const errno = errnoOf(error)
    if (error instanceof InterceptError || errno === undefined) throw error
    const missing = errno === 'ENOENT' ? ' (named by KUBECTL_INTERCEPT_CONFIG)' : ''
    throw invalidConfig(`${shown} cannot be read: ${errno}${missing}`, { advice: `See whether you may read it: ls -l ${shown}.` })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw invalidConfig(`${shown} is no UTF-8 text`, { advice: 'Save it as UTF-8.' })
  }
}
