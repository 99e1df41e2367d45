/** The YAML of a config file, walked one step at a time, and its mistakes with file, line, column and field. Knows nothing of what the keys mean. */
import { type Document, isAlias, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import { asError, type InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { invalidConfig } from './invalid.ts'

export interface Entry {
  key: string
  /** Where the key stands. */
  at: Node
  value: Node | undefined
}

/** What cannot be read throws CONFIG_INVALID. `field`: what the person calls the place, as in `defaults.weight`. */
export class ConfigText {
  readonly #lines = new LineCounter()
  readonly #document: Document
  readonly #path: string

  constructor(text: string, path: string) {
    this.#path = path
    this.#document = this.#parse(text)
  }

  get root(): Node | undefined {
    return this.#document.contents ?? undefined
  }

  /** The members of a map; none for an empty one. Keys are text and stand once. */
  entries(given: Node | undefined, field: string): Entry[] {
    const node = this.followed(given, field)
    if (node === undefined || (isScalar(node) && node.value === null)) return []
    if (!isMap(node)) throw this.invalid(`${field === '' ? 'the file' : field} must hold keys and values, as in "weight: 30"`, node, field)
    const seen = new Map<string, Entry>()
    for (const pair of node.items) {
      const at = pair.key as Node | null
      const key = isScalar(at) ? String(at.value) : undefined
      if (at === null || key === undefined || key === '') throw this.invalid('a key must be a word', at ?? node, field)
      const first = seen.get(key)
      if (first !== undefined)
        throw this.invalid(`${joined(field, key)} stands twice, first in line ${this.line(first.at)}`, at, joined(field, key))
      seen.set(key, { key, at, value: (pair.value as Node | null) ?? undefined })
    }
    return [...seen.values()]
  }

  /** The one value of a key, an alias followed. */
  scalar(entry: Entry, field: string): unknown {
    const node = this.followed(entry.value, field)
    if (node === undefined || (isScalar(node) && node.value === null)) throw this.invalid(`${field} has no value`, entry.at, field)
    return isScalar(node) ? node.value : node
  }

  /** What an alias stands for. */
  followed(node: Node | undefined, field: string): Node | undefined {
    if (!isAlias(node)) return node
    const meant = node.resolve(this.#document)
    if (meant === undefined) throw this.invalid(`${field}: nothing has the anchor &${node.source}`, node, field)
    return meant
  }

  line(node: Node): number {
    return this.#lines.linePos(node.range?.[0] ?? 0).line
  }

  /** CONFIG_INVALID, to be thrown. */
  invalid(what: string, at: Node | number, field?: string, advice?: string): InterceptError {
    const { line, col } = this.#lines.linePos(typeof at === 'number' ? at : (at.range?.[0] ?? 0))
    return invalidConfig(`${this.#path}:${Math.max(1, line)}:${Math.max(1, col)}: ${what}`, {
      ...(advice === undefined ? {} : { advice }),
      details: {
        file: this.#path,
        line: Math.max(1, line),
        column: Math.max(1, col),
        ...(field === undefined || field === '' ? {} : { field })
      }
    })
  }

  #parse(text: string): Document {
    let document: Document
    try {
      document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, lineCounter: this.#lines, logLevel: 'error' })
    } catch (error) {
      throw this.invalid(`is no YAML that can be read: ${asError(error).message}`, 0) // nested deeper than the stack
    }
    const [bad] = [...document.errors, ...document.warnings]
    if (bad === undefined) return document
    const what = bad.code === 'MULTIPLE_DOCS' ? 'there is more than one document (---) in the file' : `no valid YAML: ${bad.message}`
    throw this.invalid(what, bad.pos[0])
  }
}

export const joined = (parent: string, key: string): string => (parent === '' ? printable(key, 60) : `${parent}.${printable(key, 60)}`)
