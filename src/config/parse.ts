/**
 * The text of `.kubectl-intercept.yaml` → settings with the lines they stand in. Walks only what the grammar knows, so that aliases cannot multiply.
 * Throws CONFIG_INVALID with file, line, column and field. Reads no file and knows no flag: `grammar` is given in.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Document, type Node, parseDocument } from 'yaml'
import { asError, InterceptError } from '../base/errors.ts'
import { nearest, printable } from '../base/format.ts'
import { INTERCEPT_NAME, PORT_NAME } from './schema.ts'
import type { ConfigFile, Grammar, Named, Section, Setting } from './types.ts'
import { isList, readValue } from './values.ts'

export const LARGEST_CONFIG = 65_536
const MOST_ITEMS = 20
const ROOT_KEYS = ['defaults', 'intercepts', 'ports']

interface Entry {
  key: string
  /** Where the key stands. */
  at: Node
  value: Node | undefined
}

export function parseConfig(text: string, path: string, grammar: Grammar): ConfigFile {
  return new Reader(text.replace(/^\ufeff/, ''), path, grammar).read()
}

class Reader {
  readonly #lines = new LineCounter()
  readonly #document: Document
  readonly #path: string
  readonly #grammar: Grammar

  constructor(text: string, path: string, grammar: Grammar) {
    this.#path = path
    this.#grammar = grammar
    this.#document = this.#parse(text)
  }

  read(): ConfigFile {
    const root = this.#entries(this.#document.contents ?? undefined, '')
    for (const entry of root) if (!ROOT_KEYS.includes(entry.key)) throw this.#unknownRoot(entry)
    const child = (name: string): Entry[] => this.#entries(root.find(({ key }) => key === name)?.value, name)
    const sections = child('intercepts').map((entry): [string, Named] => [this.#interceptName(entry), this.#named(entry)])
    return {
      path: this.#path,
      defaults: this.#section(child('defaults'), 'defaults'),
      intercepts: new Map(sections),
      ports: new Map(child('ports').map(entry => [entry.key, this.#portOf(entry)]))
    }
  }

  #parse(text: string): Document {
    let document: Document
    try {
      document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, lineCounter: this.#lines, logLevel: 'error' })
    } catch (error) {
      throw this.#invalid(`is no YAML that can be read: ${asError(error).message}`, 0) // nested deeper than the stack
    }
    const [bad] = [...document.errors, ...document.warnings]
    if (bad === undefined) return document
    const what = bad.code === 'MULTIPLE_DOCS' ? 'there is more than one document (---) in the file' : `no valid YAML: ${bad.message}`
    throw this.#invalid(what, bad.pos[0])
  }

  /** The members of a map; none for an empty one. Keys are text and stand once. */
  #entries(given: Node | undefined, field: string): Entry[] {
    const node = this.#followed(given, field)
    if (node === undefined || (isScalar(node) && node.value === null)) return []
    if (!isMap(node)) throw this.#invalid(`${field === '' ? 'the file' : field} must hold keys and values, as in "weight: 30"`, node, field)
    const seen = new Map<string, Entry>()
    for (const pair of node.items) {
      const at = pair.key as Node | null
      const key = isScalar(at) ? String(at.value) : undefined
      if (at === null || key === undefined || key === '') throw this.#invalid('a key must be a word', at ?? node, field)
      const first = seen.get(key)
      if (first !== undefined)
        throw this.#invalid(`${joined(field, key)} stands twice, first in line ${this.#line(first.at)}`, at, joined(field, key))
      seen.set(key, { key, at, value: (pair.value as Node | null) ?? undefined })
    }
    return [...seen.values()]
  }

  #section(entries: readonly Entry[], field: string): Section {
    const settings = new Map<string, Setting>()
    const ignored: string[] = []
    for (const entry of entries) {
      const key = this.#grammar.keys.find(({ name }) => name === entry.key)
      const instead = this.#grammar.refused.get(entry.key)
      if (key !== undefined) settings.set(key.name, { key, values: this.#values(entry, key, field), line: this.#line(entry.at) })
      else if (instead === undefined) throw this.#unknown(entry, field)
      else ignored.push(`${joined(field, entry.key)} in ${this.#path} (line ${this.#line(entry.at)}) is ignored: ${instead}`)
    }
    const both = settings.has('weight') ? settings.get('split') : undefined
    if (both !== undefined)
      throw this.#invalid(
        `${field} has weight and split, which say the same thing in two ways`,
        entries.find(({ key }) => key === 'split')?.at ?? 0,
        field
      )
    return { settings, ignored }
  }

  #named({ key: name, value }: Entry): Named {
    const field = joined('intercepts', name)
    const entries = this.#entries(value, field)
    const target = entries.find(({ key }) => key === 'target')
    return {
      ...this.#section(
        entries.filter(entry => entry !== target),
        field
      ),
      target: target === undefined ? name : this.#target(target, field)
    }
  }

  #interceptName({ key, at }: Entry): string {
    const field = joined('intercepts', key)
    if (!INTERCEPT_NAME.test(key)) throw this.#invalid(`${field}: a name has letters, digits, "-", "_" and "." only`, at, field)
    if (this.#grammar.commands.includes(key))
      throw this.#invalid(`${field}: kubectl intercept ${key} is a command, so no intercept can have this name`, at, field)
    return key
  }

  #target(entry: Entry, parent: string): string {
    const field = joined(parent, 'target')
    const text = this.#scalar(entry, field)
    const wrong = typeof text === 'string' ? this.#grammar.wrongTarget(text) : 'it must be svc/NAME or the like'
    if (wrong !== undefined || typeof text !== 'string') throw this.#invalid(`${field}: ${wrong ?? ''}`, entry.value ?? entry.at, field)
    return text.trim()
  }

  #values(entry: Entry, key: Setting['key'], parent: string): string[] {
    const field = joined(parent, entry.key)
    const node = this.#followed(entry.value, field)
    if (!isList(key.value) || !isSeq(node)) return [this.#value(entry, key.value, field)]
    const items = node.items as Node[]
    if (items.length === 0 || items.length > MOST_ITEMS)
      throw this.#invalid(`${field} must list 1 to ${MOST_ITEMS} ${key.value.kind === 'port' ? 'ports' : 'patterns'}`, node, field)
    return items.map(item => this.#value({ key: entry.key, at: item, value: item }, key.value, field))
  }

  #portOf(entry: Entry): string {
    const field = joined('ports', entry.key)
    if (!PORT_NAME.test(entry.key)) throw this.#invalid(`${field}: the key must be a target, such as nginx or svc/nginx`, entry.at, field)
    return this.#value(entry, { kind: 'port' }, field)
  }

  #value(entry: Entry, value: Setting['key']['value'], field: string): string {
    const given = this.#scalar(entry, field)
    const reading = readValue(value, given)
    if ('text' in reading) return reading.text
    const elsewhere = value.kind === 'port' && typeof given === 'string' && /^\S+:\d/.test(given)
    const why = elsewhere ? ` (another machine is only named on the command line: --port ${printable(given, 60)})` : ''
    throw this.#invalid(`${field} must be ${reading.must}, not ${shown(given)}${why}`, entry.value ?? entry.at, field)
  }

  #scalar(entry: Entry, field: string): unknown {
    const node = this.#followed(entry.value, field)
    if (node === undefined || (isScalar(node) && node.value === null)) throw this.#invalid(`${field} has no value`, entry.at, field)
    return isScalar(node) ? node.value : node
  }

  #followed(node: Node | undefined, field: string): Node | undefined {
    if (!isAlias(node)) return node
    const meant = node.resolve(this.#document)
    if (meant === undefined) throw this.#invalid(`${field}: nothing has the anchor &${node.source}`, node, field)
    return meant
  }

  #unknownRoot(entry: Entry): InterceptError {
    const { keys, refused } = this.#grammar
    const isSetting = keys.some(({ name }) => name === entry.key) || refused.has(entry.key)
    if (isSetting)
      return this.#invalid(`${printable(entry.key)} must stand under defaults or under an intercept's name`, entry.at, entry.key)
    const [near] = nearest(entry.key.toLowerCase(), ROOT_KEYS, 1)
    return this.#invalid(
      `there is no key ${shown(entry.key)}; at the top stand ${ROOT_KEYS.join(', ')}`,
      entry.at,
      entry.key,
      near === undefined ? undefined : `did you mean ${near}?`
    )
  }

  #unknown(entry: Entry, parent: string): InterceptError {
    const names = [...this.#grammar.keys.map(({ name }) => name), ...(parent === 'defaults' ? [] : ['target'])]
    const dashed = entry.key
      .replaceAll(/([a-z])([A-Z])/g, '$1-$2')
      .replaceAll('_', '-')
      .toLowerCase()
    const [near] = nearest(dashed, names, 1)
    const only =
      entry.key === 'target'
        ? ' (a target belongs to one of the intercepts)'
        : entry.key === '<<'
          ? ' (what intercepts share stands under defaults)'
          : ''
    return this.#invalid(
      `${parent} has no key ${shown(entry.key)}${only}`,
      entry.at,
      joined(parent, entry.key),
      near === undefined || only !== '' ? undefined : `did you mean ${near}?`
    )
  }

  #line = (node: Node): number => this.#lines.linePos(node.range?.[0] ?? 0).line

  #invalid(what: string, at: Node | number, field?: string, advice?: string): InterceptError {
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
}

const joined = (parent: string, key: string): string => (parent === '' ? printable(key, 60) : `${parent}.${printable(key, 60)}`)

function shown(given: unknown): string {
  if (typeof given === 'string') return `"${printable(given, 60)}"`
  return typeof given === 'number' || typeof given === 'boolean' ? String(given) : 'a list or a map'
}

export function invalidConfig(
  message: string,
  { advice, details }: { advice?: string; details?: Readonly<Record<string, unknown>> } = {}
): InterceptError {
  const without = 'to go on without the file: KUBECTL_INTERCEPT_CONFIG=off kubectl intercept …'
  return new InterceptError('CONFIG_INVALID', message, {
    hint: advice === undefined ? without : `${advice} Else, ${without}`,
    ...(details === undefined ? {} : { details })
  })
}
