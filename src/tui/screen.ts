/** The whole screen as lines, from the model and the facts: every layout decision, no terminal. */
import type { ExchangeLog, KeptExchange } from '../capture/kept.ts'
import type { Mask } from '../capture/mask.ts'
import { widthOf } from '../base/width.ts'
import { chooseRows, type Rows } from './choose-rows.ts'
import { chooseColumns, heading, row } from './columns.ts'
import { detailLines, detailTitle, windowOf } from './detail.ts'
import { diffLines, diffTitle } from './diff-lines.ts'
import { type HeaderFacts, statsLine, tabsLine, targetLine } from './header.ts'
import { footer, helpLines } from './help-lines.ts'
import type { JsonLine } from './json-lines.ts'
import { bold, fit, type Line, plain, rule, spread, toned } from './line.ts'
import type { Model, Prompt } from './model.ts'

export interface Facts extends HeaderFacts {
  readonly log: ExchangeLog
  readonly mask: Mask
  /** Of the session's own events, oldest first. */
  readonly events: readonly Line[]
}

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface Screen {
  readonly lines: readonly Line[]
  readonly rows: Rows
  /** Lines of the part that scrolls, as they fit. */
  readonly height: number
  /** Lines that there are to scroll through. */
  readonly length: number
  /** The JSON path of the line that the cursor stands on. */
  readonly foldable: string | undefined
}

const TOO_SMALL: Size = { columns: 40, rows: 8 }
/** Lines below the part that scrolls. */
const BOTTOM = 3
/** From this width on the exchange stands beside the list. */
const BESIDE = 140

export function screen(model: Model, facts: Facts, size: Size): Screen {
  const { columns: width, rows: height } = size
  const names = Object.keys(facts.view.targets)
  if (width < TOO_SMALL.columns || height < TOO_SMALL.rows) return tooSmall(model, facts, size)
  const selected = model.target ?? names[0]
  const top = [
    ...(names.length > 1 ? [tabsLine(names, selected, facts, width)] : []),
    targetLine(selected ?? '', facts, width),
    statsLine(facts, width),
    rule(width)
  ]
  const body = height - top.length - BOTTOM
  const rows = chooseRows(model, facts.log, body - 1)
  const part = bodyOf(model, { facts, width, height: body, rows, named: names.length > 1 })
  const { prompt } = model
  const held = facts.view.targets[selected ?? '']?.state === 'held'
  const bottom = [
    rule(width),
    prompt === undefined ? statusLine(model, facts, width, rows) : promptLine(prompt, width),
    fit(prompt === undefined ? footer(model.view, width, held) : PROMPT_KEYS, width)
  ]
  return { lines: [...top, ...part.lines, ...bottom], rows, height: part.height, length: part.length, foldable: part.foldable }
}

interface Body {
  readonly facts: Facts
  readonly width: number
  readonly height: number
  readonly rows: Rows
  readonly named: boolean
}

interface Part {
  readonly lines: readonly Line[]
  readonly height: number
  readonly length: number
  readonly foldable?: string | undefined
}

function bodyOf(model: Model, body: Body): Part {
  const { facts, width, height, rows } = body
  if (model.view === 'list') return listOf(model, body)
  if (model.view === 'help') return scrolled(helpLines(), model, { width, height })
  if (model.view === 'log') return scrolled(facts.events, model, { width, height })
  const exchange = rows.all[rows.at]
  if (model.view === 'diff') return diffOf(model, body)
  if (width < BESIDE) return detailOf(exchange, model, body)
  const left = Math.floor(width * 0.5)
  const list = listOf(model, { ...body, width: left })
  const detail = detailOf(exchange, model, { ...body, width: width - left - 1 })
  const lines = list.lines.map((line, index): Line => [...line, toned('gray', '│'), ...(detail.lines[index] ?? [])])
  return { ...detail, lines }
}

function listOf(model: Model, { facts, width, height, rows, named }: Body): Part {
  const targets = named && !model.onlyTarget ? Math.max(...Object.keys(facts.view.targets).map(widthOf)) : 0
  const columns = chooseColumns(width, targets)
  const { now, timeOf } = facts
  const lines = Array.from({ length: height - 1 }, (_, index): Line => {
    const exchange = rows.all[rows.top + index]
    if (exchange === undefined) return plain(' '.repeat(width))
    return row(exchange, { columns, selected: rows.top + index === rows.at, now, timeOf })
  })
  if (rows.all.length === 0) lines[0] = fit([toned('gray', emptyWords(model, facts))], width)
  return { lines: [heading(columns), ...lines], height: height - 1, length: rows.all.length }
}

const emptyWords = ({ filter }: Model, { log }: Facts): string =>
  filter !== undefined && log.size > 0 ? '  nothing matches the filter (Esc drops it)' : '  no request has arrived yet'

function detailOf(exchange: KeptExchange | undefined, model: Model, { facts, width, height }: Body): Part {
  if (exchange === undefined) return scrolled([[toned('yellow', 'this exchange is no longer remembered')]], model, { width, height })
  const options = { mask: facts.mask, folded: model.folded, width: width - 2, now: facts.now }
  const lines: readonly JsonLine[] = detailLines(exchange, model.tab, options)
  const at = Math.min(model.line, lines.length - 1)
  const shown = windowOf(lines, at, height - 1, width)
  return {
    lines: [detailTitle(exchange, model.tab, { ...options, width }), ...shown],
    height: height - 1,
    length: lines.length,
    foldable: lines[at]?.path
  }
}

function diffOf({ diff, line }: Model, { facts, width, height }: Body): Part {
  const before = facts.log.get(diff?.of ?? '')
  const after = facts.log.get(diff?.id ?? '')
  const part = scrolled(diffLines(before, after, width - 2), { line }, { width, height: height - 1 })
  return { ...part, lines: [diffTitle(before, after, width), ...part.lines] }
}

/** Lines with the wanted one on the screen. */
function scrolled(lines: readonly Line[], { line }: { line: number }, { width, height }: { width: number; height: number }): Part {
  const top = Math.max(0, Math.min(line, lines.length - height))
  const shown = Array.from({ length: height }, (_, index) => fit([{ text: '  ' }, ...(lines[top + index] ?? [])], width))
  return { lines: shown, height, length: Math.max(1, lines.length - height + 1) }
}

function statusLine(model: Model, facts: Facts, width: number, rows: Rows): Line {
  const { filter, following, seen, said } = model
  const exchange = rows.all[rows.at]
  const fresh = facts.log.started - seen
  const follow = following ? 'following ▼' : fresh > 0 ? `${fresh} new below (f)` : ''
  const right: Line = [toned(following ? 'gray' : 'yellow', follow), { text: exchange === undefined ? ' ' : `   #${exchange.id} ` }]
  const count =
    filter === undefined
      ? `${number(rows.all.length)} kept of ${number(facts.log.started)}`
      : `${number(rows.all.length)} of ${number(facts.log.size)}`
  const left: Line =
    said === undefined
      ? [...(filter === undefined ? [] : [{ text: ' filter: ' }, bold(filter.text), { text: '  ' }]), toned('gray', ` ${count}`)]
      : [toned(said.tone, ` ${said.text}`)]
  return spread(left, right, width)
}

const number = (value: number): string => value.toLocaleString('en-US')

const PROMPT_KEYS: Line = [
  { text: ' ' },
  toned('cyan', '↵'),
  { text: ' take it  ' },
  toned('cyan', 'Esc'),
  { text: ' leave it  ' },
  toned('cyan', 'Ctrl-U'),
  { text: ' empty it' }
]
const QUESTIONS = { filter: 'filter', weight: 'weight (1…255) or share (50%)', export: 'write a HAR file to' } as const

function promptLine({ kind, text, error }: Prompt, width: number): Line {
  const wrong = error === undefined ? [] : [toned('red', `  ${error}`)]
  return fit([bold(` ${QUESTIONS[kind]}: `), { text }, { text: ' ', inverse: true }, ...wrong], width)
}

function tooSmall(model: Model, { log }: Facts, { columns, rows }: Size): Screen {
  const text = `this terminal is too small: ${TOO_SMALL.columns} × ${TOO_SMALL.rows} is the least`
  const lines = Array.from({ length: rows }, (_, index) => fit(plain(index === 0 ? text : ''), columns))
  return { lines, rows: chooseRows(model, log, 1), height: 1, length: 1, foldable: undefined }
}
