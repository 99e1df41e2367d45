/** The figures of `server.ts` as Markdown: works of one kind in one table, a row for each pair, the ratio to gost with gost below each figure. */
import type { PairName } from './pairs.ts'
import type { PairFigure, PairWork } from './server-works.ts'
import { pairwise, shown, spreadOf } from './statistics.ts'

export const STANDARD: PairName = 'gost+gost'

export interface MeasuredPairs {
  readonly work: PairWork
  /** Per pair and run, the work's figures in their order. */
  readonly results: ReadonlyMap<PairName, readonly (readonly number[])[]>
}

function row({ work, results }: MeasuredPairs, pair: PairName): string {
  const valuesOf = (of: PairName, at: number): number[] => (results.get(of) ?? []).map(figures => figures[at] ?? Number.NaN)
  const cells = work.figures.map((_figure, at) => {
    const values = valuesOf(pair, at)
    const ratio = pairwise(values, valuesOf(STANDARD, at))
    const compared = pair === STANDARD || ratio.some(Number.isNaN) ? '' : `<br>× ${shown(spreadOf(ratio))}`
    return `${shown(spreadOf(values))}${compared}`
  })
  return `| ${[work.name, pair, ...cells].join(' | ')} |`
}

const table = (figures: readonly PairFigure[], measured: readonly MeasuredPairs[]): string[] => [
  `| work | server+connector | ${figures.map(({ name }) => name).join(' | ')} |`,
  `| --- | --- | ${figures.map(() => '--:').join(' | ')} |`,
  ...measured.flatMap(each => each.work.pairs.filter(pair => (results(each, pair)?.length ?? 0) > 0).map(pair => row(each, pair))),
  ''
]

const results = (each: MeasuredPairs, pair: PairName): readonly unknown[] | undefined => each.results.get(pair)

export function renderPairs(measured: readonly MeasuredPairs[]): string {
  const kinds = new Set(measured.map(({ work }) => work.figures))
  return [...kinds]
    .flatMap(figures =>
      table(
        figures,
        measured.filter(({ work }) => work.figures === figures)
      )
    )
    .join('\n')
}
