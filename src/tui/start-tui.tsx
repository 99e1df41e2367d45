/**
 * The screen's life: drawn on the terminal's other page, away while an editor or the shell has the terminal, and gone at the end, whatever the
 * end is. Knows no session: commands and files are actions that it is given.
 */
import { type Instance, render } from 'ink'
import { closeOnce, deferred } from '../base/closable.ts'
import type { Timer } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import { App } from './app.tsx'
import { Controller } from './controller.ts'
import { type EffectContext, perform } from './effects.ts'
import type { Effect } from './model.ts'
import type { Tui, TuiOptions } from './types.ts'

/** Traffic is drawn ten times a second; a reader that speaks wants less. */
const FRAME_MS = 100
const SPOKEN_FRAME_MS = 2_000
const MAX_FPS = 20
/** After the last of several changes of size. */
const SETTLE_MS = 120
/** Erase all, cursor to the first line. */
const FROM_THE_TOP = '\u001b[2J\u001b[H'

export function startTui(options: TuiOptions): Tui {
  const { clock, log, mask, events, actions, stdout, tmux, screenReader } = options
  const failed = deferred<never>()
  const timeOf = options.timeOf ?? (ms => new Date(ms).toLocaleTimeString('en-GB'))
  const frameMs = screenReader ? SPOKEN_FRAME_MS : FRAME_MS
  const controller = new Controller({ clock, log, mask, timeOf, frameMs, perform: effect => void run(effect) })
  const unsubscribe = events.subscribe(event => controller.event(event))
  let instance: Instance | undefined
  let closed = false
  /** An editor, or the shell, that has the terminal. */
  let absent: Promise<unknown> = Promise.resolve()

  let generation = 0
  const app = () => <App controller={controller} colorless={options.colorless} generation={generation} />
  const mount = (): void => {
    if (closed || instance !== undefined) return
    instance = render(app(), {
      stdin: options.stdin,
      stdout,
      exitOnCtrlC: false,
      patchConsole: false,
      alternateScreen: true,
      incrementalRendering: true,
      interactive: true,
      maxFps: MAX_FPS,
      isScreenReaderEnabled: screenReader
    })
    // Ends by itself only when drawing failed.
    instance.waitUntilExit().catch((error: unknown) => failed.reject(asError(error)))
  }
  /** What was drawn while the size changed stands somewhere else now than Ink believes. */
  const redraw = (): void => {
    if (instance === undefined) return
    generation += 1
    instance.clear()
    stdout.write(FROM_THE_TOP)
    instance.rerender(app())
  }
  let settling: Timer | undefined
  /** Also for a size that was another one for a moment only: the terminal has moved its lines, and no `resize` comes for it. */
  const onResize = (): void => {
    settling?.cancel()
    settling = clock.after(SETTLE_MS, redraw, { unref: true })
  }
  const unmount = async (): Promise<void> => {
    const gone = instance
    instance = undefined
    if (gone === undefined) return
    const exited = gone.waitUntilExit().catch(() => {}) // told by `failed`
    gone.unmount()
    await exited
  }
  const away = async <T,>(work: () => Promise<T>): Promise<T> => {
    await unmount()
    const running = work()
    absent = running.catch(() => {}) // told to whoever asked for it
    try {
      return await running
    } finally {
      mount()
    }
  }
  const context: EffectContext = {
    log,
    mask,
    actions,
    away,
    tmux,
    version: options.version,
    held: () => Object.values(controller.view.targets).some(({ state }) => state === 'held'),
    write: text => void stdout.write(text),
    localOf: target => controller.view.targets[target ?? Object.keys(controller.view.targets)[0] ?? '']?.local
  }
  const run = async (effect: Effect): Promise<void> => {
    const change = await perform(effect, context)
    if (change !== undefined && !closed) controller.change(change)
  }
  // Whoever waits for nothing must not make it an unhandled rejection.
  failed.promise.catch(() => {})
  mount()
  options.signals.on('SIGWINCH', onResize)
  return {
    failed: failed.promise,
    close: closeOnce(async () => {
      closed = true
      unsubscribe()
      settling?.cancel()
      options.signals.off('SIGWINCH', onResize)
      controller.close()
      await absent
      await unmount()
    })
  }
}
