/** What a command gets: the process, its parsed flags, and the parts of the program that it may load. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Io } from './io.ts'
import type { ParsedArgs } from './parse.ts'
import type { Parts } from './parts.ts'
import type { StopSignals } from './signals.ts'

export interface CommandContext {
  readonly io: Io
  readonly args: ParsedArgs
  /** What followed the command word, as it was typed: for gost's grammar. */
  readonly rawArgs: readonly string[]
  /** Without secrets, for `session.started`. */
  readonly clock: Clock
  readonly log: Logger
  readonly stop: StopSignals
  readonly parts: Parts
}
