import { describe, expect, it } from 'vitest'
import { BodyKeeper } from '../../../src/capture/body-keeper.ts'
import { maskHeaders } from '../../../src/capture/mask.ts'
import { Slab } from '../../../src/capture/slab.ts'
import { EMPTY_VIEW, reduce, type SessionView } from '../../../src/event/reduce.ts'
import type { SessionEvent } from '../../../src/event/types.ts'
import { bodyLines } from '../../../src/tui/body-lines.ts'
import { chooseColumns, heading, row } from '../../../src/tui/columns.ts'
import { chooseRows } from '../../../src/tui/choose-rows.ts'
import { detailLines } from '../../../src/tui/detail.ts'
import { diffLines } from '../../../src/tui/diff-lines.ts'
import { statsLine, targetLine } from '../../../src/tui/header.ts'
import { footer, helpLines } from '../../../src/tui/help-lines.ts'
import { keyNames } from '../../../src/tui/key-name.ts'
import { KEYS } from '../../../src/tui/keys.ts'
import { fit, lineWidth, spread, textOf } from '../../../src/tui/line.ts'
import { INITIAL } from '../../../src/tui/model.ts'
import { sparkline } from '../../../src/tui/sparkline.ts'
import type { ExchangeLog, KeptExchange } from '../../../src/capture/kept.ts'
import { body, kept, keptRequest, keptResponse } from '../../harness/kept.ts'

const timeOf = (): string => '12:04:31'
const now = 1_700_000_005_000
const at = (exchange: KeptExchange, width: number, selected = false): string =>
  textOf(row(exchange, { columns: chooseColumns(width), selected, now, timeOf }))
const HOSTILE = '/a\u001b[31mred\u001b]0;title\u0007\u0000\u202eend'
const texts = (lines: readonly { line: readonly { text: string }[] }[]): string[] => lines.map(({ line }) => textOf(line))

describe('a row', () => {
  it.each([80, 96, 100, 120, 200])('is exactly %i columns wide, whatever is in it', width => {
    const exchanges = [
      kept(),
      kept({ request: keptRequest({ path: `/${'長い'.repeat(80)}` }) }),
      kept({ request: keptRequest({ path: HOSTILE, method: 'PROPFIND-LONG' }) }),
      kept({
        request: undefined,
        response: undefined,
        protocol: 'tcp',
        kind: 'connection',
        end: { kind: 'aborted', by: 'visitor', code: 'ECONNRESET' }
      }),
      kept({ who: 'returned', why: 'local-down', end: undefined, response: undefined }),
      kept({ protocol: 'websocket', messageCount: { in: 31, out: 12 }, end: undefined })
    ]
    expect(lineWidth(heading(chooseColumns(width)))).toBe(width)
    for (const exchange of exchanges)
      expect(lineWidth(row(exchange, { columns: chooseColumns(width), selected: true, now, timeOf }))).toBe(width)
  })

  it('says who, what, and what became of it', () => {
    expect(at(kept({ response: keptResponse({ status: 503 }) }), 100)).toMatch(
      /^ {2}12:04:31 {2}laptop {3}GET {5}\/ +503 +200 B +5 ms {2}203\.0\.113\.9/
    )
    expect(at(kept({ who: 'returned', why: 'local-down' }), 100)).toContain('(local app down)')
    expect(at(kept({ who: 'replay', of: '118' }), 100)).toMatch(/replay .*of #118 .*you/)
    expect(at(kept({ protocol: 'websocket', messageCount: { in: 31, out: 12 }, end: undefined }), 100)).toMatch(/WS .*⇅ 31\/12 .*⋯ 43 msg/)
    expect(at(kept({ response: undefined, end: { kind: 'aborted', by: 'local', code: 'NO_RESPONSE' } }), 160)).toContain(
      'aborted by local (NO_RESPONSE)'
    )
    expect(at(kept(), 80)).not.toContain('203.0.113.9')
  })

  it('shows control characters escaped', () => {
    const text = at(kept({ request: keptRequest({ path: HOSTILE }) }), 160)
    expect(text).toContain('/a\\x1b[31mred\\x1b]0;title\\x07\\x00\\u202eend')
  })
})

describe('the part of the list on the screen', () => {
  const log = (count: number): ExchangeLog => {
    const all = Array.from({ length: count }, (_, index) => kept({ id: String(index + 1) }))
    return { version: 1, size: count, started: count, get: id => all.find(each => each.id === id), at: index => all[index] }
  }
  it('stands still under the cursor while rows come, and when old ones are forgotten', () => {
    const model = { ...INITIAL, following: false, cursor: '20', cursorLine: 4 }
    expect(chooseRows(model, log(30), 10)).toMatchObject({ at: 19, top: 15 })
    expect(chooseRows(model, log(300), 10)).toMatchObject({ at: 19, top: 15 })
    expect(chooseRows({ ...model, cursor: 'gone' }, log(30), 10)).toMatchObject({ at: 0, top: 0 })
  })
  it('ends with the last row while following, and is empty without any', () => {
    expect(chooseRows(INITIAL, log(30), 10)).toMatchObject({ at: 29, top: 20 })
    expect(chooseRows(INITIAL, log(3), 10)).toMatchObject({ at: 2, top: 0 })
    expect(chooseRows(INITIAL, log(0), 10)).toMatchObject({ at: -1, top: 0 })
  })
})

describe('the first lines', () => {
  const event = (type: string, more: object): SessionEvent =>
    ({ v: 1, seq: 1, at: new Date(now - 9_000).toISOString(), session: 's', target: 'nginx', type, ...more }) as unknown as SessionEvent
  const view = (...events: SessionEvent[]): SessionView => events.reduce(reduce, EMPTY_VIEW)
  const facts = (shown: SessionView) => ({ view: shown, stats: undefined, rates: [1, 2, 3], draining: undefined, now, timeOf })
  const state = (to: string, detail?: string): SessionEvent =>
    event('target.state', { from: 'resolving', to, cause: 'x', serving: 'laptop', ...(detail === undefined ? {} : { detail }) })

  it.each([
    ['verified', '38 ms', '● verified 38 ms'],
    ['registered', 'share < 1 %, not hit', '● registered (share < 1 %, not hit)'],
    ['partial', '1/3 replicas', '◐ partial 1/3 replicas'],
    ['returning', undefined, '◐ returning (local app down)'],
    ['paused', 'visitors get 503 at 15 s', '⏸ paused 00:09 – visitors get 503 at 15 s'],
    [
      'reconnecting',
      'the cluster serves once the server notices (≤ 60 s)',
      '↻ reconnecting – the cluster serves once the server notices (≤ 60 s)'
    ],
    ['held', undefined, '⏸ held'],
    ['waiting', 'for localhost:8080', '○ waiting for localhost:8080'],
    ['failed', undefined, '✕ failed']
  ])('name the state %s in words', (to, detail, words) => {
    const line = targetLine('nginx', facts(view(state(to, detail))), 120)
    expect([textOf(line).includes(words), lineWidth(line)]).toEqual([true, 120])
  })

  it('count how many requests are still open while draining', () => {
    expect(textOf(targetLine('nginx', { ...facts(view(state('draining'))), draining: 3 }, 80))).toContain('◌ draining 3')
  })

  it('fit every width, the numbers that matter first', () => {
    for (const width of [40, 80, 100, 200]) expect(lineWidth(statsLine(facts(EMPTY_VIEW), width))).toBe(width)
    expect(textOf(statsLine(facts(EMPTY_VIEW), 80))).toMatch(/req\/s .*p50 .*errors/)
  })
})

describe('a body', () => {
  const shown = (content: string | Buffer, type: string, folded: string[] = []): string[] =>
    texts(bodyLines({ headers: [['Content-Type', type]], body: body(content) }, new Set(folded)))

  it('is JSON to fold, a form as a list, text as it is, anything else in hex', () => {
    expect(shown('{"a":[1,"x"],"b":{}}', 'application/json')).toEqual(['{', '  "a": [', '    1,', '    "x"', '  ],', '  "b": {}', '}'])
    expect(shown('{"a":[1,"x"],"b":{}}', 'application/json', ['$/a'])).toEqual(['{', '  "a": [ … 2 items ],', '  "b": {}', '}'])
    expect(shown('a=1+2&b=%C3%BC', 'application/x-www-form-urlencoded')).toEqual(['a = 1 2', 'b = ü'])
    expect(shown('one\r\ntwo', 'text/plain')).toEqual(['one', 'two'])
    expect(shown(Buffer.from([0, 1, 0xff, 65]), 'image/png')[0]).toMatch(/^00000000 {2}00 01 ff 41 .*\.\.\.A$/)
    expect(shown('{"cut', 'application/json')).toEqual(['{"cut'])
    expect(shown('', 'text/plain')).toEqual([])
  })

  it('shows whole numbers exactly, and as text what nests absurdly deep', () => {
    expect(shown('{"id":9007199254740993}', 'application/json')).toContain('  "id": 9007199254740993')
    expect(shown('['.repeat(30_000) + ']'.repeat(30_000), 'application/json')).toHaveLength(1)
  })

  it('is laid out once, and again when it has grown', () => {
    const growing = new BodyKeeper(100, new Slab())
    const message = { headers: [], body: growing }
    const folded = new Set<string>()
    growing.push(Buffer.from('one\n'))
    expect(bodyLines(message, folded)).toBe(bodyLines(message, folded))
    growing.push(Buffer.from('two'))
    expect(texts(bodyLines(message, folded))).toEqual(['one', 'two'])
  })

  it('never has a control character, and is bounded', () => {
    const hostile = shown(`{"k\\u001b[2J":"v\u009b"}\n`, 'text/plain').join('')
    expect(hostile).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
    expect(shown('[1]'.replace('1', Array.from({ length: 20_000 }, () => 1).join()), 'application/json').length).toBeLessThan(6_000)
  })
})

describe('the detail', () => {
  const options = { mask: maskHeaders(), folded: new Set<string>(), width: 100, now }
  const secret = kept({
    request: keptRequest({
      headers: [
        ['Host', 'a'],
        ['Cookie', 's3cret'],
        ['Authorization', 's3cret']
      ]
    }),
    response: keptResponse({ headers: [['Set-Cookie', 's3cret']] })
  })

  it.each([0, 1, 2, 3])('shows no secret and no control character in tab %i', tab => {
    const lines = texts(detailLines({ ...secret, source: HOSTILE }, tab, options)).join('\n')
    expect(lines).not.toContain('s3cret')
    expect(lines.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
  })

  it('says why there is no answer', () => {
    const aborted = kept({ response: undefined, end: { kind: 'aborted', by: 'local', code: 'NO_RESPONSE' } })
    expect(texts(detailLines(aborted, 1, options))).toEqual(['no answer: aborted by local (NO_RESPONSE)'])
  })

  it('compares two answers, beside each other where there is room', () => {
    const after = kept({ id: '2', response: keptResponse({ status: 500, body: body('b\nsame') }) })
    const before = kept({ response: keptResponse({ body: body('a\nsame') }) })
    expect(diffLines(before, after, 80).map(textOf)).toEqual(['the answers differ', 'status  200 → 500', '', '- a', '+ b', '  same'])
    expect(diffLines(before, after, 120).map(line => textOf(line).trimEnd())[3]).toMatch(/^- a +│ \+ b$/)
    expect(textOf(diffLines(before, undefined, 80)[0] ?? [])).toContain('no longer remembered')
  })
})

describe('helpers of lines', () => {
  it('fit wide characters into columns', () => {
    expect(textOf(fit([{ text: '日本語' }], 5))).toBe('日本…')
    expect(lineWidth(fit([{ text: '日本語' }, { text: 'x' }], 4))).toBe(4)
    expect(textOf(spread([{ text: 'left side' }], [{ text: 'right' }], 10))).toBe('left…right')
  })

  it('draw rates as bars', () => {
    expect(sparkline([0, 4, 8], 10)).toBe('▁▄█')
    expect(sparkline([], 10)).toBe('')
  })

  it('keep help and the way out in the last line at any width', () => {
    for (const width of [40, 60, 80, 200]) expect(textOf(footer('list', width))).toMatch(/\? help {2}q quit$/)
  })

  it('list every key in the help', () => {
    const text = helpLines().map(textOf).join('\n')
    expect(KEYS.filter(({ summary, views }) => !text.includes(summary) && !views.every(view => view === 'diff'))).toEqual([])
  })
})

describe('key names', () => {
  const none = { upArrow: false, ctrl: false, meta: false } as Parameters<typeof keyNames>[1]
  it('tell keys in one piece apart', () => {
    expect(keyNames('w50%\r', none)).toEqual(['w', '5', '0', '%', 'enter'])
    expect(keyNames('\u007f \t\u0003', none)).toEqual(['backspace', 'space', 'tab', 'ctrl-c'])
    expect(keyNames('/', { ...none, meta: true })).toEqual(['escape', '/'])
    expect(keyNames('z', { ...none, ctrl: true })).toEqual(['ctrl-z'])
    expect(keyNames('', { ...none, upArrow: true })).toEqual(['up'])
  })
})
