/**
 * `-o tui`: the screen while the session runs, plain lines before it and after it. What is asked or fails at the start is read on the normal
 * screen, and so is the end: what was served, and the checked last line.
 */
import type { ExchangeStore } from '../capture/exchange-store.ts'
import type { Mask } from '../capture/mask.ts'
import type { Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { EventStream } from '../event/stream.ts'
import type { SessionEvent } from '../event/types.ts'
import { plainOutput } from '../output/plain.ts'
import type { Actions, Tui, TuiOptions } from '../tui/types.ts'
import { flush } from './exit.ts'
import { type Io, wantsColor } from './io.ts'
import type { SessionOutput } from './session-output.ts'
import type { StopSignals } from './signals.ts'
import { VERSION } from './version.ts'

export interface ScreenOptions {
  events: EventStream
  io: Io
  clock: Clock
  store: ExchangeStore
  mask: Mask
  stop: StopSignals
  actions: Pick<Actions, 'run' | 'edit' | 'save'>
  /** Loads the screen. */
  startTui: () => Promise<(options: TuiOptions) => Tui>
}

export async function screenOutput(options: ScreenOptions): Promise<SessionOutput> {
  const { events, io } = options
  const startTui = await options.startTui()
  const early: SessionEvent[] = []
  const last: SessionEvent[] = []
  let tui: Tui | undefined
  let broken: Error | undefined
  const lines = {
    write: (text: string): unknown => tui !== undefined || io.stdout.write(text),
    get writableLength() {
      return io.stdout.writableLength
    }
  }
  const plain = plainOutput({ out: lines, color: wantsColor(io.stdout, io.env), columns: io.stdout.columns })
  const begin = (): void => {
    const replayed = replaying(events, early.splice(0))
    tui = startTui({ ...screenFor(options), events: replayed })
    void tui.failed.catch((error: unknown) => {
      broken = asError(error)
      options.stop.requestDrain('a broken screen')
    })
  }
  events.subscribe(event => {
    // Questions are over, and something is being connected or waited for. The screen hears this event itself, since it subscribes now.
    if (tui === undefined && event.type === 'target.state' && !isOver(event)) begin()
    else if (tui === undefined) early.push(event)
    if (isLast(event)) last.push(event)
    else if (!event.type.startsWith('exchange.')) plain.event(event)
  })
  return {
    async flushed() {
      await tui?.close()
      tui = undefined
      for (const event of last) plain.event(event)
      await flush([io.stdout])
      if (broken !== undefined) throw broken
    }
  }
}

const isOver = (event: SessionEvent): boolean => event.type === 'target.state' && (event.to === 'ended' || event.to === 'failed')
/** Kept for the normal screen. */
const isLast = (event: SessionEvent): boolean => event.type === 'session.ended' || event.type === 'error' || isOver(event)

/** What came before the screen, first. */
const replaying = (events: EventStream, early: readonly SessionEvent[]): EventStream => ({
  emit: events.emit,
  subscribe(listener) {
    for (const event of early) listener(event)
    return events.subscribe(listener)
  }
})

function screenFor({ io, clock, store, mask, stop, actions }: ScreenOptions): Omit<TuiOptions, 'events'> {
  return {
    log: store,
    clock,
    mask,
    // Both are terminals: whoever chose this output has seen to it.
    stdin: io.stdin as NodeJS.ReadStream,
    stdout: io.stdout as NodeJS.WriteStream,
    signals: io.signals,
    colorless: !wantsColor(io.stdout, io.env),
    tmux: (io.env['TMUX'] ?? '') !== '',
    version: VERSION,
    screenReader: io.env['INK_SCREEN_READER'] === 'true',
    actions: { ...actions, quit: () => stop.requestDrain('q'), quitNow: () => stop.leaveNow(), suspend: io.suspend }
  }
}
