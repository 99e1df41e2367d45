/** One key press: the model before → the model after, and what it asks for. Pure; the network is never waited for here. */
import { type Act, actFor } from './keys.ts'
import { type Model, TABS } from './model.ts'
import { type Pressed, type PromptContext, pressPrompt, targetsOf } from './press-prompt.ts'

/** What there is to press at. */
export interface PressContext extends PromptContext {
  /** Where the cursor is among `ids`; -1 in an empty list. */
  readonly at: number
  /** What the exchange at the cursor is a mirror's copy of. */
  readonly copyOf?: string | undefined
  /** Lines of the list, of the detail, or of whatever fills the screen. */
  readonly height: number
  /** Lines of what is scrolled in this view. */
  readonly lines: number
  /** How many exchanges have started so far. */
  readonly started: number
  /** Of the target that the keys act on. */
  readonly weight: number | undefined
  readonly held: boolean
  /** The JSON path of the detail's line, where it can be folded. */
  readonly foldable: string | undefined
}

export function press(model: Model, key: string, context: PressContext): Pressed {
  if (key === 'ctrl-c') return quit(model)
  if (model.prompt !== undefined) return pressPrompt(model, key, context)
  const act = actFor(model.view, key)
  if (act === undefined) return { model }
  return ACTS[act]({ ...model, said: undefined }, context, act)
}

type Run = (model: Model, context: PressContext, act: Act) => Pressed

const quit = (model: Model): Pressed =>
  model.quitting
    ? { model, effect: { kind: 'quit-now' } }
    : { model: { ...model, quitting: true, prompt: undefined }, effect: { kind: 'quit' } }

/** Moves by lines; in the list the cursor moves, elsewhere the view. */
function move(model: Model, context: PressContext, by: number): Pressed {
  if (model.view !== 'list') {
    const line = Math.max(0, Math.min(Math.min(model.line, context.lines - 1) + by, context.lines - 1))
    return { model: { ...model, line } }
  }
  if (context.at === -1) return { model }
  const to = Math.max(0, Math.min(context.at + by, context.ids.length - 1))
  return to === context.ids.length - 1 && by > 0 ? { model: follow(model) } : { model: stand(model, context, to) }
}

const follow = (model: Model): Model => ({ ...model, following: true, cursor: undefined })

/** The cursor on a row of its own: the list stops following. The line moves with it as long as the row is on the screen. */
function stand(model: Model, context: PressContext, to: number): Model {
  const line = model.following ? Math.min(context.ids.length - 1, context.height - 1) : model.cursorLine
  const cursorLine = Math.max(0, Math.min(line + to - context.at, context.height - 1))
  const seen = model.following ? context.started : model.seen
  return { ...model, following: false, cursor: context.ids[to], cursorLine, seen }
}

function open(model: Model, context: PressContext): Pressed {
  const id = context.ids[context.at]
  if (id === undefined) return { model }
  const { copyOf } = context
  // Of a copy the difference is what counts.
  if (copyOf !== undefined)
    return { model: { ...stand(model, context, context.at), view: 'diff', back: 'list', line: 0, diff: { of: copyOf, id } } }
  return { model: { ...stand(model, context, context.at), view: 'detail', line: 0, folded: new Set() } }
}

function step(model: Model, context: PressContext, by: number): Pressed {
  const to = context.at + by
  if (to < 0 || to >= context.ids.length) return { model }
  return { model: { ...stand(model, context, to), line: 0, folded: new Set() } }
}

function back(model: Model): Pressed {
  if (model.view === 'list') return { model: { ...model, filter: undefined } }
  const view = model.view === 'diff' ? model.back : 'list'
  return { model: { ...model, view, line: 0, diff: undefined } }
}

function about(kind: 'replay' | 'edit' | 'copy'): Run {
  return (model, context) => {
    const id = model.diff?.id ?? context.ids[context.at]
    if (id === undefined) return { model }
    const standing = model.view === 'list' ? stand(model, context, context.at) : model
    return { model: kind === 'replay' ? say(standing, 'sent; waiting for the answer …') : standing, effect: { kind, id } }
  }
}

const say = (model: Model, text: string): Model => ({ ...model, said: { text, tone: 'cyan' } })

function weigh(model: Model, context: PressContext, weight: number): Pressed {
  const args = { targets: targetsOf(model, context), weight }
  return { model: { ...model, asked: weight }, effect: { kind: 'set', args, done: `weight ${weight}` } }
}

function turn(model: Model, context: PressContext, by: (weight: number) => number): Pressed {
  const weight = model.asked ?? context.weight
  if (weight === undefined || by(weight) === weight) return { model }
  return weigh(model, context, by(weight))
}

function hold(model: Model, context: PressContext): Pressed {
  const args = { targets: targetsOf(model, context), ...(context.held ? { release: true } : { hold: true }) }
  return { model, effect: { kind: 'set', args, done: context.held ? 'taken again' : 'given back: the cluster serves' } }
}

function nextTarget(model: Model, { targets }: PressContext): Pressed {
  if (targets.length < 2) return { model }
  const at = targets.indexOf(model.target ?? targets[0] ?? '')
  const target = targets[(at + 1) % targets.length]
  return { model: { ...model, target, ...(model.onlyTarget ? { following: true, cursor: undefined } : {}) } }
}

/** 255 → 127 → 63 → … → 1, and back 1 → 2 → 4 → … → 255. */
export const halved = (weight: number): number => Math.max(1, Math.floor(weight / 2))
export const doubled = (weight: number): number => (weight >= 127 ? 255 : weight * 2)

const tab =
  (at: number): Run =>
  model => ({ model: { ...model, tab: at, line: 0 } })
const show =
  (view: Model['view'], line = 0): Run =>
  model => ({ model: { ...model, view: model.view === view ? 'list' : view, line } })

const ACTS: Readonly<Record<Act, Run>> = {
  up: (model, context) => move(model, context, -1),
  down: (model, context) => move(model, context, 1),
  'page-up': (model, context) => move(model, context, -Math.max(1, context.height - 1)),
  'page-down': (model, context) => move(model, context, Math.max(1, context.height - 1)),
  first: (model, context) => move(model, context, Number.NEGATIVE_INFINITY),
  last: (model, context) => move(model, context, Number.POSITIVE_INFINITY),
  follow: model => ({ model: follow(model) }),
  open,
  back,
  'next-tab': model => ({ model: { ...model, tab: (model.tab + 1) % TABS.length, line: 0 } }),
  'tab-1': tab(0),
  'tab-2': tab(1),
  'tab-3': tab(2),
  'tab-4': tab(3),
  fold: (model, { foldable }) =>
    foldable === undefined ? { model } : { model: { ...model, folded: new Set([...model.folded, foldable]) } },
  unfold: (model, { foldable }) => ({ model: { ...model, folded: new Set([...model.folded].filter(path => path !== foldable)) } }),
  next: (model, context) => step(model, context, 1),
  previous: (model, context) => step(model, context, -1),
  filter: model => ({ model: { ...model, prompt: { kind: 'filter', text: model.filter?.text ?? '' } } }),
  replay: about('replay'),
  edit: about('edit'),
  copy: about('copy'),
  export: model => ({ model: { ...model, prompt: { kind: 'export', text: 'intercept.har' } } }),
  heavier: (model, context) => turn(model, context, doubled),
  lighter: (model, context) => turn(model, context, halved),
  weight: model => ({ model: { ...model, prompt: { kind: 'weight', text: '' } } }),
  hold,
  'next-target': nextTarget,
  'all-targets': (model, { targets }) => ({
    model: { ...model, onlyTarget: !model.onlyTarget, target: model.target ?? targets[0], following: true, cursor: undefined }
  }),
  // The latest ones first.
  events: show('log', Number.MAX_SAFE_INTEGER),
  help: show('help'),
  redraw: model => ({ model, effect: { kind: 'redraw' } }),
  suspend: model => ({ model, effect: { kind: 'suspend' } }),
  quit
}
