/** What a command gets: the process, its parsed flags, and the parts of the program that it may load. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { CommandName } from './command-names.ts'
import type { Io } from './io.ts'
import type { ParsedArgs } from './parse.ts'
import type { Parts } from './parts.ts'
import type { StopSignals } from './signals.ts'
import type { UsedConfig } from './use-config.ts'

export interface CommandContext {
  readonly command: CommandName
  readonly io: Io
  readonly args: ParsedArgs
  /** What stands beside the command: flags in one form and words; for `server` and `sidecar` gost's grammar, as typed. */
  readonly flagArgs: readonly string[]
  readonly clock: Clock
  readonly log: Logger
  readonly stop: StopSignals
  readonly parts: Parts
  /** What a config file said. */
  readonly config?: UsedConfig | undefined
}
