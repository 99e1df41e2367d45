/** What can be changed of a target while it runs, and what is told of it afterwards. How it is done is `changer.ts`. */
import type { EventBody, TargetState } from '../event/types.ts'
import type { Filter } from '../filter/filter.ts'

export type Change =
  | { kind: 'weight'; weight: number }
  /** `throughLaptop`: consent to thinning. */
  | { kind: 'split'; share: number; throughLaptop: boolean }
  /** Undefined: all visitors again. `throughLaptop`: consent to looking at the others too. */
  | { kind: 'filter'; filter: Filter | undefined; throughLaptop: boolean }
  | { kind: 'hold' }
  | { kind: 'release' }

export type ShareChange = Extract<Change, { kind: 'weight' | 'split' }>
export type FilterChange = Extract<Change, { kind: 'filter' }>

/** Who asks for it. */
export type By = Extract<EventBody<'command'>['by'], 'tui' | 'control'>

export interface Changed {
  target: string
  /** False: it was so already. */
  changed: boolean
  state: TargetState
  weight: number
  /** 0…1, computed. */
  share?: number
  thinning: number
  /** As others may read it. */
  filter?: string
}

export interface Changer {
  /** Throws what makes the change impossible now, before anything is touched. */
  check(change: Change): void
  change(change: Change, by: By): Promise<Changed>
  /** Sidecars came or went: a wanted share means another weight now. */
  shareAgain(): void
  /** It is left for good: what is under way gives up. */
  end(): void
}
