/**
 * The small part of the POSIX shell that wrappers like `sh -c 'exec gost -F "…$ID"'` use: quotes, variables, assignments, lists and redirections.
 * A script with control structures, here-documents, groups or globs in a gost word is not guessed at: it reads as undefined.
 */
import type { Lookup, Value } from './expand.ts'
import { type Scan, skipRedirection, skipSpace, takeExpansion } from './shell-words.ts'

export interface ShellWorld {
  lookup: Lookup
  /** $0, $1 … */
  positional: readonly string[]
  onUnknown: (name: string, why: string) => void
}

const RESERVED = new Set('if then elif else fi for while until do done case esac { } ! function select'.split(' '))

/** The simple commands of the script in order, words expanded; `exec` and leading assignments are taken off. Undefined: not readable. */
export function readScript(script: string, world: ShellWorld): string[][] | undefined {
  const variables = new Map<string, Value>()
  const scan: Scan = {
    text: script,
    at: 0,
    positional: world.positional,
    lookup: name => (variables.has(name) ? variables.get(name) : world.lookup(name)),
    onUnknown: world.onUnknown
  }
  const commands: string[][] = []
  while (scan.at < scan.text.length) {
    const words = readCommand(scan)
    if (words === undefined) return undefined
    const [first = ''] = words
    if (RESERVED.has(first)) return undefined
    const rest = withoutAssignments(words, variables)
    if (rest.length === 0) continue
    if (rest[0] === 'exec' && rest.length > 1) return [...commands, rest.slice(1)]
    commands.push(rest)
  }
  return commands
}

/** Words up to the next `;`, `&`, `|` or line end. */
function readCommand(scan: Scan): string[] | undefined {
  const words: string[] = []
  for (;;) {
    skipSpace(scan)
    const char = scan.text[scan.at]
    if (char === undefined) return words
    if (char === '\n' || char === ';' || char === '&' || char === '|') {
      scan.at += 1
      return words
    }
    if (char === '(' || char === ')') return undefined
    const redirection = skipRedirection(scan)
    if (redirection === 'here-document') return undefined
    const word = readWord(scan)
    if (word === undefined) return undefined
    if (redirection === undefined) words.push(...word)
  }
}

/** One word; an unquoted variable may make several or none. */
function readWord(scan: Scan): string[] | undefined {
  const fields: string[] = []
  let open: string | undefined
  const join = (text: string): void => {
    open = (open ?? '') + text
  }
  while (scan.at < scan.text.length) {
    const char = scan.text[scan.at] ?? ''
    if (/[\s;&|<>()]/.test(char)) break
    if (char === '\\') {
      join(scan.text[scan.at + 1] ?? '')
      scan.at += 2
    } else if (char === "'") {
      const end = scan.text.indexOf("'", scan.at + 1)
      if (end < 0) return undefined
      join(scan.text.slice(scan.at + 1, end))
      scan.at = end + 1
    } else if (char === '"') {
      const quoted = readQuoted(scan)
      if (quoted === undefined) return undefined
      const [head = '', ...more] = quoted
      if (quoted.length > 0) join(head)
      for (const field of more) {
        fields.push(open ?? '')
        open = field
      }
    } else if (char === '$' || char === '`') {
      const values = takeExpansion(scan)
      if (values === undefined) return undefined
      const split = values.join(' ').split(/[ \t\n]+/)
      for (const [index, part] of split.entries()) {
        if (index > 0 && open !== undefined) {
          fields.push(open)
          open = undefined
        }
        if (part !== '') join(part)
      }
    } else {
      join(char)
      scan.at += 1
    }
  }
  return open === undefined ? fields : [...fields, open]
}

/** Inside double quotes: one field, except that "$@" gives one per argument (none without arguments). */
function readQuoted(scan: Scan): string[] | undefined {
  scan.at += 1
  const fields: string[] = []
  let open: string | undefined
  let onlyArguments = true
  for (;;) {
    const char = scan.text[scan.at]
    if (char === undefined) return undefined
    if (char === '"') {
      scan.at += 1
      return open === undefined && onlyArguments && scan.text[scan.at - 2] !== '"' ? fields : [...fields, open ?? '']
    }
    if (char === '$' || char === '`') {
      const isArguments = scan.text.startsWith('$@', scan.at)
      const values = takeExpansion(scan)
      if (values === undefined) return undefined
      if (!isArguments) onlyArguments = false
      for (const [index, value] of (isArguments ? values : [values.join(' ')]).entries()) {
        if (index > 0 && open !== undefined) fields.push(open)
        open = index > 0 ? value : (open ?? '') + value
      }
      continue
    }
    onlyArguments = false
    const escaped = char === '\\' && /[$`"\\\n]/.test(scan.text[scan.at + 1] ?? '')
    const taken = escaped ? (scan.text[scan.at + 1] ?? '') : char
    open = (open ?? '') + (escaped && taken === '\n' ? '' : taken)
    scan.at += escaped ? 2 : 1
  }
}

/** Assignments alone, or given to export, set the variable for the rest of the script. */
function withoutAssignments(words: readonly string[], variables: Map<string, Value>): string[] {
  const exported = words[0] === 'export' || words[0] === 'readonly'
  const from = exported ? words.slice(1) : words
  const count = from.findIndex(word => !/^[A-Za-z_]\w*=/.test(word))
  const assignments = count < 0 ? from : from.slice(0, count)
  const rest = count < 0 ? [] : from.slice(count)
  if (exported || rest.length === 0) {
    for (const word of assignments) variables.set(word.slice(0, word.indexOf('=')), { text: word.slice(word.indexOf('=') + 1) })
  }
  return exported ? [] : rest
}
