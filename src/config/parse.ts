/**
 * The text of `.kubectl-intercept.yaml` → settings with the lines they stand in. Walks only what the grammar knows, so that aliases cannot multiply.
 * Throws CONFIG_INVALID with file, line, column and field. Reads no file and knows no flag: `grammar` is given in.
 */
import { isSeq, type Node } from 'yaml'
import type { InterceptError } from '../base/errors.ts'
import { nearest, printable } from '../base/format.ts'
import { ConfigText, type Entry, joined } from './config-text.ts'
import { INTERCEPT_NAME, PORT_NAME } from './schema.ts'
import type { ConfigFile, Grammar, Named, Section, Setting } from './types.ts'
import { isList, readValue } from './values.ts'

export const LARGEST_CONFIG = 65_536
const MOST_ITEMS = 20
const ROOT_KEYS = ['defaults', 'intercepts', 'ports']

export function parseConfig(text: string, path: string, grammar: Grammar): ConfigFile {
  return new Reader(text.replace(/^\ufeff/, ''), path, grammar).read()
}

class Reader {
  readonly #text: ConfigText
  readonly #path: string
  readonly #grammar: Grammar

  constructor(text: string, path: string, grammar: Grammar) {
    this.#path = path
    this.#grammar = grammar
    this.#text = new ConfigText(text, path)
  }

  read(): ConfigFile {
    const root = this.#text.entries(this.#text.root, '')
    for (const entry of root) if (!ROOT_KEYS.includes(entry.key)) throw this.#unknownRoot(entry)
    const child = (name: string): Entry[] => this.#text.entries(root.find(({ key }) => key === name)?.value, name)
    const sections = child('intercepts').map((entry): [string, Named] => [this.#interceptName(entry), this.#named(entry)])
    return {
      path: this.#path,
      defaults: this.#section(child('defaults'), 'defaults'),
      intercepts: new Map(sections),
      ports: new Map(child('ports').map(entry => [entry.key, this.#portOf(entry)]))
    }
  }

  #section(entries: readonly Entry[], field: string): Section {
    const settings = new Map<string, Setting>()
    const ignored: string[] = []
    for (const entry of entries) {
      const key = this.#grammar.keys.find(({ name }) => name === entry.key)
      const instead = this.#grammar.refused.get(entry.key)
      if (key !== undefined) settings.set(key.name, { key, values: this.#values(entry, key, field), line: this.#text.line(entry.at) })
      else if (instead === undefined) throw this.#unknown(entry, field)
      else ignored.push(`${joined(field, entry.key)} in ${this.#path} (line ${this.#text.line(entry.at)}) is ignored: ${instead}`)
    }
    const both = settings.has('weight') ? settings.get('split') : undefined
    if (both !== undefined)
      throw this.#text.invalid(
        `${field} has weight and split, which say the same thing in two ways`,
        entries.find(({ key }) => key === 'split')?.at ?? 0,
        field
      )
    return { settings, ignored }
  }

  #named({ key: name, value }: Entry): Named {
    const field = joined('intercepts', name)
    const entries = this.#text.entries(value, field)
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
    if (!INTERCEPT_NAME.test(key)) throw this.#text.invalid(`${field}: a name has letters, digits, "-", "_" and "." only`, at, field)
    if (this.#grammar.commands.includes(key))
      throw this.#text.invalid(`${field}: kubectl intercept ${key} is a command, so no intercept can have this name`, at, field)
    return key
  }

  #target(entry: Entry, parent: string): string {
    const field = joined(parent, 'target')
    const text = this.#text.scalar(entry, field)
    const wrong = typeof text === 'string' ? this.#grammar.wrongTarget(text) : 'it must be svc/NAME or the like'
    if (wrong !== undefined || typeof text !== 'string')
      throw this.#text.invalid(`${field}: ${wrong ?? ''}`, entry.value ?? entry.at, field)
    return text.trim()
  }

  #values(entry: Entry, key: Setting['key'], parent: string): string[] {
    const field = joined(parent, entry.key)
    const node = this.#text.followed(entry.value, field)
    if (!isList(key.value) || !isSeq(node)) return [this.#value(entry, key.value, field)]
    const items = node.items as Node[]
    if (items.length === 0 || items.length > MOST_ITEMS)
      throw this.#text.invalid(`${field} must list 1 to ${MOST_ITEMS} ${key.value.kind === 'port' ? 'ports' : 'patterns'}`, node, field)
    return items.map(item => this.#value({ key: entry.key, at: item, value: item }, key.value, field))
  }

  #portOf(entry: Entry): string {
    const field = joined('ports', entry.key)
    if (!PORT_NAME.test(entry.key))
      throw this.#text.invalid(`${field}: the key must be a target, such as nginx or svc/nginx`, entry.at, field)
    return this.#value(entry, { kind: 'port' }, field)
  }

  #value(entry: Entry, value: Setting['key']['value'], field: string): string {
    const given = this.#text.scalar(entry, field)
    const reading = readValue(value, given)
    if ('text' in reading) return reading.text
    const elsewhere = value.kind === 'port' && typeof given === 'string' && /^\S+:\d/.test(given)
    const why = elsewhere ? ` (another machine is only named on the command line: --port ${printable(given, 60)})` : ''
    throw this.#text.invalid(`${field} must be ${reading.must}, not ${shown(given)}${why}`, entry.value ?? entry.at, field)
  }

  #unknownRoot(entry: Entry): InterceptError {
    const { keys, refused } = this.#grammar
    const isSetting = keys.some(({ name }) => name === entry.key) || refused.has(entry.key)
    if (isSetting)
      return this.#text.invalid(`${printable(entry.key)} must stand under defaults or under an intercept's name`, entry.at, entry.key)
    const [near] = nearest(entry.key.toLowerCase(), ROOT_KEYS, 1)
    return this.#text.invalid(
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
    return this.#text.invalid(
      `${parent} has no key ${shown(entry.key)}${only}`,
      entry.at,
      joined(parent, entry.key),
      near === undefined || only !== '' ? undefined : `did you mean ${near}?`
    )
  }
}

function shown(given: unknown): string {
  if (typeof given === 'string') return `"${printable(given, 60)}"`
  return typeof given === 'number' || typeof given === 'boolean' ? String(given) : 'a list or a map'
}
