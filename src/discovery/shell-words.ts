/** The pieces below a shell word: blanks, redirections, and `$` expansions. */
import type { Lookup, Value } from './expand.ts'

export interface Scan {
  text: string
  at: number
  positional: readonly string[]
  lookup: Lookup
  onUnknown: (name: string, why: string) => void
}

/** Blanks, comments and continued lines. */
export function skipSpace(scan: Scan): void {
  const match = /^(?:[ \t\r]|\\\n)*(?:#[^\n]*)?/.exec(scan.text.slice(scan.at))
  scan.at += match?.[0].length ?? 0
}

/** `>`, `2>&`, `<`: the word that follows is a file name. */
export function skipRedirection(scan: Scan): 'redirection' | 'here-document' | undefined {
  const match = /^\d*(<<-?|<>|<&|>>|>&|>\||<|>)[ \t]*/.exec(scan.text.slice(scan.at))
  if (match === null) return undefined
  scan.at += match[0].length
  return match[1]?.startsWith('<<') === true ? 'here-document' : 'redirection'
}

/** The values of the expansion at the cursor: one, or one per argument for `$@`. Undefined: not readable at all. */
export function takeExpansion(scan: Scan): string[] | undefined {
  const rest = scan.text.slice(scan.at)
  const simple = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*|\d)\}|(\d))/.exec(rest)
  if (simple !== null) return take(scan, simple[0], valueOf(scan, simple[1] ?? simple[2] ?? simple[3] ?? ''))
  const fallback = /^\$\{([A-Za-z_]\w*)(:?)([-=?])([^${}`'"]*)\}/.exec(rest)
  if (fallback !== null) return take(scan, fallback[0], withFallback(scan, fallback))
  if (/^\$[@*]/.test(rest)) {
    scan.at += 2
    return scan.positional.slice(1)
  }
  const command = /^(?:\$\(([^()]*(?:\([^()]*\)[^()]*)*)\)|`([^`]*)`)/.exec(rest)
  if (command !== null)
    return take(scan, command[0], [unknown(scan, command[1] ?? command[2] ?? '', 'the shell computes it when the container starts')])
  if (/^\$[\s"']|^\$$/.test(rest)) return take(scan, '$', ['$'])
  return undefined
}

function take(scan: Scan, written: string, values: string[]): string[] {
  scan.at += written.length
  return values
}

function valueOf(scan: Scan, name: string): string[] {
  if (/^\d$/.test(name)) return [scan.positional[Number(name)] ?? '']
  return [textOf(scan, name, scan.lookup(name))]
}

function withFallback(scan: Scan, [, name = '', colon = '', operator = '', word = '']: RegExpExecArray): string[] {
  const value = scan.lookup(name)
  const unset = value === undefined || (colon === ':' && 'text' in value && value.text === '')
  return [unset && operator !== '?' ? word : textOf(scan, name, value)]
}

function textOf(scan: Scan, name: string, value: Value): string {
  if (value === undefined) return ''
  return 'text' in value ? value.text : unknown(scan, name, value.unknown)
}

/** The same mark that kubelet's expansion leaves for what could not be read. */
function unknown(scan: Scan, name: string, why: string): string {
  const mark = name.replace(/[\s()]+/g, '')
  scan.onUnknown(mark, why)
  return `$(${mark})`
}
