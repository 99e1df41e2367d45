/** What is known of a flag. Its rows are the flag table (`flags.ts`). */
import type { CommandName } from './command-names.ts'

/** `none`: a switch (`--all`, `--all=false`). `one`, `many`: takes a value, `many` may repeat. `optional`: a value only after `=`. */
export type Arity = 'none' | 'one' | 'many' | 'optional'

export interface FlagSpec {
  readonly name: string
  readonly short?: string
  readonly arity: Arity
  /** `global`: kubectl's own, accepted by every command. `all`: every command that parses flags. */
  readonly commands: 'global' | 'all' | readonly CommandName[]
  readonly summary: string
  readonly argument?: string
  /** As the documentation shows it. */
  readonly default?: string
  /** What the help of a command says instead, where it means something of its own there. */
  readonly inCommand?: Partial<Readonly<Record<CommandName, { readonly summary: string; readonly default?: string }>>>
  /** Key in `.kubectl-intercept.yaml`; `never` where a file from a cloned repository must not decide. */
  readonly config: string
  /** Accepted because kubectl has it, without effect here. */
  readonly unused?: true
}
