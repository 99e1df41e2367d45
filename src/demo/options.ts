/** How the demo is run. */
import type { Writable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Chapters } from './story.ts'

export interface DemoOptions {
  stdout: Writable & { readonly isTTY?: boolean }
  stderr: Writable
  clock: Clock
  /** Ends the demo early. */
  signal: AbortSignal
  /** Stay after the story, intercepting, until `signal`. */
  keep?: boolean
  color?: boolean
  /** `json`: the session's events, one per line, and the result as the last line. */
  output?: 'plain' | 'json'
  log?: Logger
  /** Other promises, and how fast the visitors ask: for tests. */
  chapters?: Chapters
  thinkMs?: number
}
