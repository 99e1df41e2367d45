/** The list's columns by width, its heading, and one exchange as one row. */
import { padEnd, padStart, widthOf, cutMiddle } from '../base/width.ts'
import type { KeptExchange } from '../capture/kept.ts'
import { addressOf, methodOf, remarkOf, sizeOf, statusOf, tookOf, whereOf } from './exchange-words.ts'
import { bold, cutEnd, fit, inverted, type Line, type Span, toned } from './line.ts'

export interface Columns {
  readonly width: number
  readonly path: number
  readonly size: boolean
  readonly source: boolean
  readonly target: number
}

const TIME = 8
const WHO = 8
const METHOD = 7
const STATUS = 6
const SIZE = 9
const TOOK = 8
const SOURCE = 15
/** Gutter, and two blanks between columns. */
const FIXED = 2 + TIME + 2 + WHO + 1 + METHOD + 1 + 1 + STATUS + 1 + TOOK
const REMARK_MAX = 34

/** At 80 columns source and size are the first to go. `target`: columns for the target's name, 0 without one. */
export function chooseColumns(width: number, target = 0): Columns {
  const named = target === 0 ? 0 : Math.min(target, 16) + 2
  const source = width >= 96
  const size = width >= 84
  const path = width - FIXED - named - (size ? SIZE + 1 : 0) - (source ? SOURCE + 2 : 0)
  return { width, path: Math.max(8, path), size, source, target: named }
}

export function heading({ width, path, size, source, target }: Columns): Line {
  const text = [
    padEnd('  TIME', 2 + TIME + 2),
    padEnd(target === 0 ? '' : 'TARGET', target),
    padEnd('WHO', WHO + 1),
    padEnd('METHOD', METHOD + 1),
    padEnd('PATH', path + 1),
    padStart('STATUS', STATUS),
    size ? padStart('SIZE', SIZE + 1) : '',
    padStart('TIME', TOOK + 1),
    source ? '  SOURCE' : ''
  ].join('')
  return fit([toned('gray', text)], width)
}

export interface RowOptions {
  readonly columns: Columns
  readonly selected: boolean
  /** Epoch milliseconds. */
  readonly now: number
  readonly timeOf: (ms: number) => string
}

export function row(exchange: KeptExchange, { columns, selected, now, timeOf }: RowOptions): Line {
  const { width, size, source, target } = columns
  const status = statusOf(exchange)
  const { who } = exchange
  const line: Span[] = [
    selected ? bold('▸ ') : { text: '  ' },
    { text: padEnd(timeOf(exchange.startedAt), TIME + 2) },
    ...(target === 0 ? [] : [toned('cyan', padEnd(cutEnd(exchange.target ?? '', target - 2), target))]),
    who === 'laptop'
      ? { text: padEnd(who, WHO + 1) }
      : toned(who === 'replay' || who === 'mirror' ? 'magenta' : 'gray', padEnd(who, WHO + 1)),
    { text: padEnd(cutEnd(methodOf(exchange), METHOD), METHOD + 1) },
    ...where(exchange, columns.path),
    { text: ' ' },
    toned(status.tone, padStart(status.text, STATUS)),
    ...(size ? [{ text: padStart(sizeOf(exchange), SIZE + 1) }] : []),
    { text: padStart(tookOf(exchange, now), TOOK + 1) },
    ...(source ? [toned('gray', `  ${exchange.who === 'replay' ? 'you' : addressOf(exchange.source)}`)] : [])
  ]
  const fitted = fit(line, width)
  return selected ? inverted(fitted) : fitted
}

/** The path, and what is to be said of it at the right end of its column. */
function where(exchange: KeptExchange, width: number): Line {
  const remark = cutEnd(remarkOf(exchange), Math.min(REMARK_MAX, Math.floor(width * 0.6)))
  const room = remark === '' ? width : width - widthOf(remark) - 1
  const path = padEnd(cutMiddle(whereOf(exchange), room), room)
  if (remark === '') return [{ text: path }]
  return [{ text: `${path} ` }, toned(exchange.end?.kind === 'aborted' ? 'red' : 'cyan', remark)]
}
