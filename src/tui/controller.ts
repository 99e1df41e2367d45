/**
 * Holds the model and the facts, and says when a new frame is due: at once after a key, at most ten times a second for traffic. Exchanges are
 * read from the log when a frame is drawn, never kept here.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { ExchangeLog, KeptExchange } from '../capture/kept.ts'
import type { Mask } from '../capture/mask.ts'
import { EMPTY_VIEW, reduce, type SessionView } from '../event/reduce.ts'
import type { SessionEvent } from '../event/types.ts'
import { type Effect, INITIAL, type Model } from './model.ts'
import { Notes } from './notes.ts'
import { press } from './press.ts'
import { type Facts, screen, type Screen, type Size } from './screen.ts'

export interface ControllerOptions {
  readonly clock: Clock
  readonly log: ExchangeLog
  readonly mask: Mask
  readonly timeOf: (ms: number) => string
  readonly frameMs: number
  /** Done elsewhere; what it changes comes back by `change`. */
  readonly perform: (effect: Effect) => void
}

const CLOCK_MS = 1_000
const SAID_MS = 6_000

export class Controller {
  #model: Model = INITIAL
  #view: SessionView = EMPTY_VIEW
  readonly #options: ControllerOptions
  readonly #notes: Notes
  readonly #listeners = new Set<() => void>()
  readonly #tick: Timer
  #drawnVersion = -1
  #drawnAt = 0
  #dirty = true
  #size: Size = { columns: 80, rows: 24 }
  #screen: Screen | undefined

  constructor(options: ControllerOptions) {
    this.#options = options
    this.#notes = new Notes(options.timeOf)
    this.#tick = options.clock.every(options.frameMs, () => this.#look(), { unref: true })
  }

  get view(): SessionView {
    return this.#view
  }

  event(event: SessionEvent): void {
    this.#view = reduce(this.#view, event)
    this.#notes.event(event)
    if (!event.type.startsWith('exchange.')) this.#dirty = true
  }

  key(name: string): void {
    const { rows, height, length, foldable } = this.screenFor(this.#size)
    const targets = Object.keys(this.#view.targets)
    const target = this.#view.targets[this.#model.target ?? targets[0] ?? '']
    const { model, effect } = press(this.#model, name, {
      ids: rows.all.map(({ id }) => id),
      at: rows.at,
      copyOf: copiedBy(rows.all[rows.at]),
      height,
      lines: length,
      started: this.#options.log.started,
      targets,
      weight: target?.weight,
      held: target?.state === 'held',
      foldable
    })
    this.#model = model
    this.#draw()
    if (effect !== undefined) this.#options.perform(effect)
  }

  change({ settled, ...change }: Partial<Model> & { readonly settled?: number }): void {
    const { view, back, asked } = this.#model
    const from = change.view === 'diff' && view !== 'diff' ? view : back
    this.#model = { ...this.#model, ...change, back: from, asked: settled === asked ? undefined : asked }
    this.#draw()
    const { said } = this.#model
    if (change.said === undefined || said === undefined) return
    // What was said gives way to the count of the list, unless something else was said meanwhile.
    const forget = (): void => {
      if (this.#model.said === said) this.change({ said: undefined })
    }
    this.#options.clock.after(SAID_MS, forget, { unref: true })
  }

  /** A function that stops it. */
  onFrame(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The frame as it is now; the same value until something changed. */
  screenFor(size: Size): Screen {
    if (this.#screen !== undefined && size.columns === this.#size.columns && size.rows === this.#size.rows) return this.#screen
    this.#size = size
    this.#screen = screen(this.#model, this.#facts(), size)
    return this.#screen
  }

  close(): void {
    this.#tick.cancel()
    this.#listeners.clear()
  }

  #facts(): Facts {
    const { clock, log, mask, timeOf } = this.#options
    const { stats, rates, draining, lines } = this.#notes
    return { view: this.#view, stats, rates, draining, now: clock.date().getTime(), timeOf, log, mask, events: lines }
  }

  #look(): void {
    const { clock, log } = this.#options
    const grown = log.version !== this.#drawnVersion
    if (this.#dirty || grown || clock.now() - this.#drawnAt >= CLOCK_MS) this.#draw()
  }

  #draw(): void {
    const { clock, log } = this.#options
    this.#dirty = false
    this.#drawnVersion = log.version
    this.#drawnAt = clock.now()
    this.#screen = undefined
    for (const listener of this.#listeners) listener()
  }
}

const copiedBy = (exchange: KeptExchange | undefined): string | undefined => (exchange?.who === 'mirror' ? exchange.of : undefined)
