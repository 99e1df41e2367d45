/** The story of the demo: one chapter per promise, each with what to do, whom the visitors must meet then, and how that is judged. Pure. */
import { formatShare } from '../base/format.ts'
import { answered, type Sample } from './visitors.ts'

export type Expected = 'cluster' | 'laptop' | 'half'

export interface Chapter {
  title: string
  /** Requests to count, once what was asked for has happened. */
  requests: number
  expected: Expected
}

export type Chapters = Readonly<Record<'before' | 'split' | 'all' | 'down' | 'back' | 'left', Chapter>>

export const CHAPTERS: Chapters = {
  before: { title: 'Nobody intercepts', requests: 200, expected: 'cluster' },
  split: { title: 'kubectl intercept svc/nginx --split 50', requests: 400, expected: 'half' },
  all: { title: 'kubectl intercept svc/nginx', requests: 300, expected: 'laptop' },
  down: { title: 'Your app stops: you rebuild it', requests: 200, expected: 'cluster' },
  back: { title: 'Your app is back', requests: 200, expected: 'laptop' },
  left: { title: 'Ctrl-C: you leave', requests: 200, expected: 'cluster' }
}

/** Undefined when the promise held, else what broke it. */
export function judge(chapter: Chapter, sample: Sample): string | undefined {
  if (sample.failed > 0) return `${sample.failed} ${sample.failed === 1 ? 'request' : 'requests'} failed`
  const total = answered(sample)
  if (total < chapter.requests) return `only ${total} of ${chapter.requests} requests were answered`
  const share = sample.laptop / total
  if (chapter.expected === 'half') {
    // Four standard deviations: chance alone breaks this once in 16,000 runs.
    const tolerance = 4 * Math.sqrt(0.25 / total)
    return Math.abs(share - 0.5) > tolerance
      ? `the laptop got ${formatShare(share)} instead of 50 % ± ${formatShare(tolerance)}`
      : undefined
  }
  const wanted = chapter.expected === 'laptop' ? 1 : 0
  return share === wanted ? undefined : `the laptop got ${formatShare(share)} instead of ${formatShare(wanted)}`
}
