/** The config file as data: the grammar it is read by, made from the flag table, and what was read. */
import type { Value } from './values.ts'

/** A flag that may stand in the file. */
export interface ConfigKey {
  readonly name: string
  /** Without dashes. */
  readonly flag: string
  readonly summary: string
  readonly default?: string
  readonly value: Value
}

export interface Grammar {
  readonly keys: readonly ConfigKey[]
  /** Keys that a file from a cloned repository must not decide → what a person does instead. */
  readonly refused: ReadonlyMap<string, string>
  /** Words that can be no intercept's name: they are commands. */
  readonly commands: readonly string[]
  /** What is wrong with a target, if anything. */
  readonly wrongTarget: (text: string) => string | undefined
}

export interface Setting {
  readonly key: ConfigKey
  /** One, or several ports. */
  readonly values: readonly string[]
  readonly line: number
}

/** `defaults`, or one of `intercepts`. */
export interface Section {
  readonly settings: ReadonlyMap<string, Setting>
  /** What stands here and does not count: one sentence each. */
  readonly ignored: readonly string[]
}

export interface Named extends Section {
  readonly target: string
}

export interface ConfigFile {
  /** As people see it. */
  readonly path: string
  readonly defaults: Section
  readonly intercepts: ReadonlyMap<string, Named>
  /** Target or tunnel → LOCAL[:REMOTE]. */
  readonly ports: ReadonlyMap<string, string>
}
