/** The flags of our own server and sidecar, which stand beside gost's: `kubectl-intercept sidecar --grace 30s -L …`, and the file of `--config`. */
import type { ContainerContext } from './context.ts'
import { parseDocument } from './document.ts'
import { GoFloat } from './param.ts'

/** All values of each, in their order; '' for a switch. */
export type OwnSettings = ReadonlyMap<string, readonly string[]>

export interface OwnFlags {
  /** gost's part. */
  gost: string[]
  own: OwnSettings
}

const GOST_LONG = /^--(?:L|F|C|O|R|D|DD|V|h|help|api|metrics)(?:=|$)/

/** Any long flag that is none of gost's is ours, with its value behind `=` or as the next word. */
export function splitOwnFlags(words: readonly string[]): OwnFlags {
  const gost: string[] = []
  const own = new Map<string, string[]>()
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    const [, name, inline] = /^--([a-z][^=]*)(?:=([\s\S]*))?$/.exec(word) ?? []
    if (name === undefined || GOST_LONG.test(word)) {
      gost.push(word)
      continue
    }
    const next = words[at + 1] ?? '-'
    const value = inline ?? (next.startsWith('-') ? '' : next)
    if (inline === undefined && value !== '') at += 1
    own.set(name, [...(own.get(name) ?? []), value])
  }
  return { gost, own }
}

/** With what the file of `--config` says before it: of what counts once the last one does. A file that cannot be read is a problem. */
export function withConfigFile(own: OwnSettings, context: ContainerContext): { own: OwnSettings; problem: string | undefined } {
  const file = own.get('config')?.at(-1)
  if (file === undefined) return { own, problem: undefined }
  const read = context.readFile(file)
  if ('problem' in read) return { own, problem: `--config ${file} ${read.problem}` }
  const parsed = parseDocument(read.text, 'yaml')
  if ('problem' in parsed) return { own, problem: `--config ${file} ${parsed.problem}` }
  const { value } = parsed
  if (value === null) return { own, problem: undefined }
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof GoFloat)
    return { own, problem: `--config ${file} holds no keys and values` }
  const settings = new Map<string, readonly string[]>()
  for (const [name, item] of Object.entries(value))
    settings.set(
      name,
      (Array.isArray(item) ? item : [item]).flatMap(each => (typeof each === 'object' ? [] : [String(each)]))
    )
  for (const [name, values] of own) settings.set(name, [...(settings.get(name) ?? []), ...values])
  return { own: settings, problem: undefined }
}
