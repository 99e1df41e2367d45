/** What the screen is given, and what it asks for. It touches nothing else: no network, no files, no process. */
import type { Clock } from '../base/clock.ts'
import type { Mask } from '../capture/mask.ts'
import type { ExchangeLog } from '../capture/kept.ts'
import type { EventStream } from '../event/stream.ts'

export interface Actions {
  /** A command of the session: `set`, `replay`. Rejects with what the session says. */
  run(command: string, args: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>
  /** Lets a person edit the text; the screen is away meanwhile. Undefined when nothing was changed. */
  edit(text: string): Promise<string | undefined>
  /** Writes a file; resolves with where it is. Rejects when there is one already. */
  save(name: string, text: string): Promise<string>
  /** The first press drains, as Ctrl-C does elsewhere. */
  quit(): void
  quitNow(): void
  /** Stops the process as Ctrl-Z does in a shell; resolves when it goes on. */
  suspend(): Promise<void>
}

export interface TuiOptions {
  events: EventStream
  log: ExchangeLog
  clock: Clock
  mask: Mask
  actions: Actions
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  /** Of the process: each change of the terminal's size, also one that was undone before `stdout` could hear of it. */
  signals: {
    on(name: 'SIGWINCH', listener: () => void): unknown
    off(name: 'SIGWINCH', listener: () => void): unknown
  }
  /** No colours at all. */
  colorless: boolean
  /** Inside tmux the clipboard needs a wrapping of its own. */
  tmux: boolean
  screenReader: boolean
  /** Of this program, for exports. */
  version: string
  /** Epoch milliseconds → `12:04:31` where the person is. */
  timeOf?: (ms: number) => string
}

export interface Tui {
  /** Leaves the screen as it was before. */
  close(): Promise<void>
  /** Rejects with what broke the screen. */
  readonly failed: Promise<never>
}
