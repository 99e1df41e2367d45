/** A parsed configuration file as gost's viper sees it: keys without regard to case, JSON numbers as float64. Nothing here knows what the keys mean. */
import { parse } from 'yaml'
import { asError } from '../base/errors.ts'
import { GoFloat, type GoValue, type Params } from './param.ts'

export type Format = 'yaml' | 'json'
export type Parsed = { value: GoValue } | { problem: string }

const LARGEST_DOCUMENT = 10 * 1024 * 1024

/** Inline JSON and `.json` files have float64 numbers, YAML has integers. */
export function parseDocument(text: string, format: Format): Parsed {
  if (text.length > LARGEST_DOCUMENT) return { problem: 'is larger than 10 MiB' }
  try {
    const value: unknown = format === 'json' ? JSON.parse(text) : parse(text, { merge: true, logLevel: 'error' })
    return { value: toGo(value, format === 'json') }
  } catch (error) {
    // The message quotes the text, which may hold secrets: only the position is passed on.
    const position = /line (\d+)/.exec(asError(error).message)?.[1]
    return { problem: `is no valid ${format.toUpperCase()}${position === undefined ? '' : ` (line ${position})`}` }
  }
}

function toGo(value: unknown, json: boolean): GoValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return json || !Number.isInteger(value) ? new GoFloat(value) : value
  if (Array.isArray(value)) return value.map(item => toGo(item, json))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toGo(item, json)]))
  return null
}

/** The members of an object by name, without regard to case; missing and null members are empty. */
export class Section {
  readonly #members: Params

  constructor(value: GoValue | undefined) {
    this.#members = new Map(isObject(value) ? Object.entries(value).map(([key, item]) => [key.toLowerCase(), item]) : [])
  }

  get exists(): boolean {
    return this.#members.size > 0
  }

  has(name: string): boolean {
    const value = this.#members.get(name.toLowerCase())
    return value !== undefined && value !== null
  }

  text(name: string): string {
    const value = this.#members.get(name.toLowerCase())
    if (value instanceof GoFloat) return String(value.value)
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
  }

  flag(name: string): boolean {
    const value = this.#members.get(name.toLowerCase())
    return value === true || value === 'true'
  }

  section(name: string): Section {
    return new Section(this.#members.get(name.toLowerCase()))
  }

  sections(name: string): Section[] {
    const value = this.#members.get(name.toLowerCase())
    return Array.isArray(value) ? value.filter(isObject).map(item => new Section(item)) : []
  }

  texts(name: string): string[] {
    const value = this.#members.get(name.toLowerCase())
    return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
  }

  /** The members of a `metadata:` object, keys lower case as viper leaves them. */
  params(name: string): Params {
    const value = this.#members.get(name.toLowerCase())
    return new Map(isObject(value) ? Object.entries(value).map(([key, item]) => [key.toLowerCase(), item]) : [])
  }
}

const isObject = (value: GoValue | undefined): value is { readonly [key: string]: GoValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof GoFloat)
