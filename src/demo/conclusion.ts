/** The end of the demo: the table of its chapters, whether every promise held, and the exit code. */
import { EXIT } from '../base/errors.ts'
import { formatMs } from '../base/format.ts'
import type { Narrator } from './narrator.ts'
import { type Row, summary } from './screen.ts'
import { answered, type Sample } from './visitors.ts'

export interface Outcome {
  rows: readonly Row[]
  /** Requests sent while switching. */
  between: Sample
  tookMs: number
  /** The first request that failed. */
  failure: string | undefined
}

export function conclude(narrator: Narrator, { rows, between, tookMs, failure }: Outcome): number {
  const { paint } = narrator
  const broken = rows.filter(row => row.broken !== undefined)
  const samples = [...rows.map(row => row.sample), between]
  const requests = samples.reduce((sum, sample) => sum + answered(sample) + sample.failed, 0)
  const failed = samples.reduce((sum, sample) => sum + sample.failed, 0)
  const ok = broken.length === 0 && between.failed === 0
  for (const line of summary(paint, rows, between)) narrator.say(line)
  narrator.say('')
  narrator.write({ v: 1, type: 'demo', ok, requests, failed })
  if (ok) {
    narrator.say(`${paint('green', 'Every promise held')}: ${requests} requests, 0 failed, ${formatMs(tookMs)}.`)
    narrator.say(
      `On your cluster: ${paint('bold', 'kubectl intercept list')}, then ${paint('bold', 'kubectl intercept svc/NAME --port 8080')}`
    )
    return EXIT.OK
  }
  const why = failure ?? broken[0]?.broken ?? `${between.failed} requests failed while switching`
  narrator.say(`${paint('red', 'A promise was broken')}: ${why}`)
  return EXIT.DIFFERENCES
}
