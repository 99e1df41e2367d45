/** Typed access to the mappings of a kubeconfig. Every error names the file and the dotted field. */
import path from 'node:path'
import { InterceptError } from '../base/errors.ts'

export const invalid = (file: string, field: string, problem: string, cause?: unknown): InterceptError =>
  new InterceptError('KUBECONFIG_INVALID', `kubeconfig ${file}: ${field === '' ? '' : `${field} `}${problem}`, {
    hint: 'kubectl config view',
    details: { file, field },
    cause
  })

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export class Fields {
  readonly file: string
  readonly #at: string
  readonly #values: Record<string, unknown>

  constructor(value: unknown, file: string, at: string) {
    this.file = file
    this.#at = at
    if (value !== null && value !== undefined && !isRecord(value)) throw invalid(file, at === '' ? 'the document' : at, 'is not a mapping')
    this.#values = value ?? {}
  }

  get empty(): boolean {
    return Object.keys(this.#values).length === 0
  }

  keys(): string[] {
    return Object.keys(this.#values)
  }

  name(key: string): string {
    return this.#at === '' ? key : `${this.#at}.${key}`
  }

  inner(key: string): Fields {
    return new Fields(this.#values[key], this.file, this.name(key))
  }

  list(key: string): unknown[] {
    const value = this.#values[key]
    if (value === undefined || value === null) return []
    if (!Array.isArray(value)) throw invalid(this.file, this.name(key), 'is not a list')
    return value
  }

  /** Empty text counts as absent. */
  text(key: string): string | undefined {
    return scalar(this.#values[key], () => invalid(this.file, this.name(key), 'is not text (a number or a flag has to be quoted)'))
  }

  texts(key: string): string[] {
    return this.list(key).map((entry, index) => {
      return scalar(entry, () => invalid(this.file, `${this.name(key)}[${index}]`, 'is not text')) ?? ''
    })
  }

  flag(key: string): boolean {
    const value = this.#values[key]
    if (value === undefined || value === null) return false
    // YAML 1.1, which kubectl reads, has more words for it.
    if (typeof value === 'string' && /^(?:y|yes|on|n|no|off)$/i.test(value)) return /^[yo]n?(?:es)?$/i.test(value)
    if (typeof value !== 'boolean') throw invalid(this.file, this.name(key), 'is neither true nor false')
    return value
  }

  path(key: string): string | undefined {
    const value = this.text(key)
    return value === undefined ? undefined : this.resolve(value)
  }

  resolve(value: string): string {
    return path.isAbsolute(value) ? value : path.join(path.dirname(path.resolve(this.file)), value)
  }

  base64(key: string): string | undefined {
    const value = this.text(key)?.replaceAll(/[\r\n]/g, '')
    if (value === undefined) return undefined
    if (value.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw invalid(this.file, this.name(key), 'is not base64')
    return Buffer.from(value, 'base64').toString('utf8')
  }
}

function scalar(value: unknown, wrong: () => Error): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return value
  throw wrong()
}
