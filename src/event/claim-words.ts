/** What a claim event says to people. What is missing here is said by a notice beside it. */
import type { EventBody } from './types.ts'

export function claimWords({ action, holder = 'somebody' }: EventBody<'claim'>): string | undefined {
  switch (action) {
    case 'acquired':
      return 'claimed: others are refused'
    case 'released':
      return 'no longer claimed'
    case 'taken':
      return `${holder} takes it over`
    case 'expired':
      return `${holder} is gone, and their claim removed`
    case 'beside':
    case 'refused':
    case 'unavailable':
      return undefined
  }
}
