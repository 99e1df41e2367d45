/** `-v N` as kubectl counts it, in our levels. */
import type { Level } from '../base/log.ts'

export function levelOf(verbosity: number): Level | undefined {
  if (verbosity >= 6) return 'trace'
  if (verbosity >= 4) return 'debug'
  if (verbosity >= 2) return 'info'
  return verbosity >= 1 ? 'warn' : undefined
}
