import { describe, expect, it } from 'vitest'
import { doubled, halved, press, type PressContext } from '../../../src/tui/press.ts'
import { actFor, KEYS } from '../../../src/tui/keys.ts'
import { type Effect, INITIAL, type Model, type View } from '../../../src/tui/model.ts'

const ids = Array.from({ length: 50 }, (_, index) => String(index + 1))
const context = (more: Partial<PressContext> = {}): PressContext => ({
  ids,
  at: 49,
  height: 10,
  lines: 30,
  started: 50,
  targets: ['nginx', 'cart'],
  weight: 255,
  held: false,
  foldable: undefined,
  ...more
})

/** Presses one after the other, the cursor followed as the list would. */
function presses(keys: readonly string[], start: Model = INITIAL, more: Partial<PressContext> = {}): { model: Model; effects: Effect[] } {
  let model = start
  const effects: Effect[] = []
  for (const key of keys) {
    const at = model.following ? ids.length - 1 : ids.indexOf(model.cursor ?? '')
    const pressed = press(model, key, context({ at, ...more }))
    model = pressed.model
    if (pressed.effect !== undefined) effects.push(pressed.effect)
  }
  return { model, effects }
}

describe('press', () => {
  it('opens a copy beside what it copies, and goes back to the list', () => {
    const opened = presses(['enter'], INITIAL, { copyOf: '49' }).model
    expect(opened).toMatchObject({ view: 'diff', diff: { of: '49', id: '50' } })
    expect(presses(['escape'], opened).model).toMatchObject({ view: 'list', diff: undefined })
    expect(presses(['enter']).model).toMatchObject({ view: 'detail', diff: undefined })
  })

  it('stops following when the cursor leaves the last row, and follows again at the end', () => {
    const up = presses(['up', 'up', 'k']).model
    expect(up).toMatchObject({ following: false, cursor: '47', cursorLine: 6, seen: 50 })
    expect(presses(['pageup'], up).model).toMatchObject({ cursor: '38', cursorLine: 0 })
    expect(presses(['down', 'down', 'down'], up).model).toMatchObject({ following: true })
    expect(presses(['g'], up).model).toMatchObject({ cursor: '1', following: false })
    expect(presses(['G'], up).model).toMatchObject({ following: true })
    expect(presses(['f'], up).model).toMatchObject({ following: true })
  })

  it('opens an exchange, walks through its tabs and neighbours, and comes back to the same row', () => {
    const open = presses(['up', 'enter']).model
    expect(open).toMatchObject({ view: 'detail', cursor: '49', tab: 0 })
    expect(presses(['tab', 'tab'], open).model.tab).toBe(2)
    expect(presses(['4', 'tab'], open).model.tab).toBe(0)
    expect(presses(['p', 'p', 'n'], open).model).toMatchObject({ view: 'detail', cursor: '48' })
    expect(presses(['escape'], open).model).toMatchObject({ view: 'list', cursor: '49' })
  })

  it('scrolls within what there is', () => {
    const open = presses(['enter']).model
    expect(presses(['up'], open).model.line).toBe(0)
    expect(presses(['pagedown', 'pagedown', 'pagedown', 'pagedown', 'pagedown'], open).model.line).toBe(29)
  })

  it('asks for a filter, shows what is wrong while typing, and takes only one that can be read', () => {
    const typed = presses(['/', 's', 't', 'a', 't', 's', 'u', ':', '5']).model
    expect(typed.prompt).toMatchObject({ kind: 'filter', text: 'statsu:5', error: expect.stringContaining('statsu') as string })
    expect(presses(['enter'], typed).model.prompt).toBeDefined()
    const good = presses(['ctrl-u', 'status:5xx', 'space', 'or', 'space', 'method:POST', 'enter'], typed).model
    expect([good.prompt, good.filter?.text]).toEqual([undefined, 'status:5xx or method:POST'])
    expect(presses(['/', 'ctrl-u', 'enter'], good).model.filter).toBeUndefined()
    expect(presses(['escape'], good).model.filter).toBeUndefined()
    expect(presses(['/', 'x', 'escape'], good).model.filter?.text).toBe('status:5xx or method:POST')
  })

  it('types what a paste brings, without control characters, and leaves keys of the list alone meanwhile', () => {
    expect(presses(['/', 'path:/a\u001b[2J\u0000b', 'up', 'q']).model.prompt?.text).toBe('path:/a[2Jbq')
    expect(presses(['/', 'ab c', 'ctrl-w', 'backspace']).model.prompt?.text).toBe('ab')
  })

  it('steps the weight from what was asked for last', () => {
    const { model, effects } = presses(['-', '-', '+'])
    expect(effects.map(effect => 'args' in effect && effect.args['weight'])).toEqual([127, 63, 126])
    expect(model.asked).toBe(126)
    expect(presses(['+']).effects).toEqual([])
    expect([halved(1), doubled(127), doubled(1)]).toEqual([1, 255, 2])
  })

  it('sets a weight or a share by prompt, for the target that the keys act on', () => {
    expect(presses(['w', 'ctrl-u', '3', '0', 'enter']).effects).toEqual([
      { kind: 'set', args: { targets: ['nginx'], weight: 30 }, done: 'weight 30' }
    ])
    expect(presses(['tab', 'w', 'ctrl-u', '50%', 'enter']).effects).toEqual([
      { kind: 'set', args: { targets: ['cart'], split: 0.5 }, done: 'a share of 50%' }
    ])
    for (const wrong of ['0', '256', '101%', 'x', '-1']) {
      const { model, effects } = presses(['w', 'ctrl-u', wrong, 'enter'])
      expect([model.prompt?.error, effects]).toEqual(['a weight is 1…255, a share 1%…100%', []])
    }
  })

  it('holds, and releases what is held', () => {
    expect(presses(['space']).effects[0]).toMatchObject({ args: { targets: ['nginx'], hold: true } })
    expect(presses(['space'], INITIAL, { held: true }).effects[0]).toMatchObject({ args: { release: true } })
  })

  it('acts on the exchange under the cursor, and on the later of two that are compared', () => {
    expect(presses(['up', 'r', 'e', 'y']).effects).toEqual([
      { kind: 'replay', id: '49' },
      { kind: 'edit', id: '49' },
      { kind: 'copy', id: '49' }
    ])
    const diff: Model = { ...INITIAL, view: 'diff', back: 'list', diff: { of: '7', id: '51' } }
    expect(presses(['r'], diff).effects).toEqual([{ kind: 'replay', id: '51' }])
    expect(presses(['escape'], diff).model).toMatchObject({ view: 'list', diff: undefined })
    expect(presses(['r', 'e', 'y', 'enter'], INITIAL, { ids: [], at: -1 }).effects).toEqual([])
  })

  it('exports what is listed under a name that ends with .har', () => {
    expect(presses(['x', 'ctrl-u', 'mine', 'enter']).effects).toEqual([{ kind: 'export', name: 'mine.har', ids }])
  })

  it('drains at the first q or Ctrl-C, and leaves at the second, also within a prompt', () => {
    expect(presses(['q', 'q']).effects.map(({ kind }) => kind)).toEqual(['quit', 'quit-now'])
    expect(presses(['/', 'q', 'ctrl-c', 'ctrl-c']).effects.map(({ kind }) => kind)).toEqual(['quit', 'quit-now'])
  })

  it('folds and unfolds the JSON value at hand', () => {
    const open = presses(['enter']).model
    const folded = presses(['left'], open, { foldable: '$/a' }).model
    expect([...folded.folded]).toEqual(['$/a'])
    expect([...presses(['right'], folded, { foldable: '$/a' }).model.folded]).toEqual([])
  })
})

describe('the key table', () => {
  it('gives each key one meaning in a view', () => {
    for (const view of ['list', 'detail', 'diff', 'log', 'help'] satisfies View[]) {
      const keys = KEYS.filter(({ views }) => views.includes(view)).flatMap(spec => spec.keys)
      expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
    }
    expect(actFor('list', 'enter')).toBe('open')
    expect(actFor('help', 'r')).toBeUndefined()
  })
})
