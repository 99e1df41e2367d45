/**
 * Which connector gets the next stream: gost's weighted random (x/handler/tunnel/tunnel.go, selector/weighted.go), and on top of it nobody who is
 * suspect while somebody else is not, and never one who asked to be drained. Before that, a request belongs to the connector whose filter it matches.
 * Pure.
 */
import { type Asked, type Personal, personalFor } from './personal.ts'

export type Network = 'tcp' | 'udp'

/**
 * `pending`: bound, and has not said who it is. `suspect`: an open or a heartbeat went unanswered, or its app is down. `draining`: asked for no
 * more, or is refused. `mirror`: takes no visitors, gets copies.
 */
export type Condition = 'pending' | 'live' | 'suspect' | 'mirror' | 'draining' | 'closed'

export interface Choosable {
  /** 0…255; 0 counts as 1, 255 excludes all lower ones. */
  readonly weight: number
  readonly network: Network
  readonly condition: Condition
  /** Takes what matches its filter, and nothing by its weight. */
  readonly personal?: Personal | undefined
}

export interface ChoiceOptions<T> {
  network: Network
  /** 0 ≤ random() < 1. */
  random: () => number
  /** Tried already for this request. */
  except?: ReadonlySet<T>
  /** Several at 255: all share, as with gost, or the one bound last has it alone. */
  exclusive?: ExclusivePolicy | undefined
  /** Called only when a connector has a filter. */
  asked?: (() => Asked) | undefined
}

export type ExclusivePolicy = 'share' | 'newest'

const EXCLUSIVE = 255

export function chooseConnector<T extends Choosable>(connectors: readonly T[], options: ChoiceOptions<T>): T | undefined {
  const { network, random, except, asked, exclusive } = options
  const [only] = connectors
  if (only !== undefined && connectors.length === 1 && only.condition === 'live' && isForAll(only) && except?.has(only) !== true)
    return only
  const present = connectors.filter(one => (one.condition === 'live' || one.condition === 'suspect') && except?.has(one) !== true)
  const usable = present.every(isForAll) ? present : present.filter(isForAll)
  if (usable !== present && asked !== undefined) {
    const personal = present.filter(one => !isForAll(one) && one.condition === 'live' && one.network === network)
    const mine = pickWeighted(personalFor(personal, asked()), random)
    if (mine !== undefined) return mine
  }
  // A single connector is taken whatever its network, as gost does; udp and tcp connectors beside each other are told apart.
  const alone = usable.length === 1 ? usable[0] : undefined
  if (alone !== undefined && connectors.every(one => one === alone || one.condition === 'mirror')) return alone
  const fitting = usable.filter(one => one.network === network)
  const live = fitting.filter(one => one.condition === 'live')
  const candidates = live.length > 0 ? live : fitting
  const newest = exclusive === 'newest' ? candidates.findLast(({ weight }) => weight === EXCLUSIVE) : undefined
  return newest ?? pickWeighted(candidates, random)
}

const isForAll = ({ personal }: Choosable): boolean => personal === undefined

/** The chance of each connector to get the next stream that matches no filter, in the order given. */
export function shares(connectors: readonly Choosable[], network: Network = 'tcp'): number[] {
  const inPlay = connectors.filter(one => one.network === network && one.condition === 'live' && isForAll(one))
  const exclusive = inPlay.some(one => one.weight === EXCLUSIVE)
  const weighs = (one: Choosable): number => (inPlay.includes(one) && (!exclusive || one.weight === EXCLUSIVE) ? one.weight || 1 : 0)
  const sum = connectors.reduce((total, one) => total + weighs(one), 0)
  return connectors.map(one => (sum === 0 ? 0 : weighs(one) / sum))
}

function pickWeighted<T extends Choosable>(candidates: readonly T[], random: () => number): T | undefined {
  const exclusive = candidates.filter(one => one.weight === EXCLUSIVE)
  const pool = exclusive.length > 0 ? exclusive : candidates
  const sum = pool.reduce((total, one) => total + (one.weight || 1), 0)
  let rest = Math.floor(random() * sum)
  for (const one of pool) {
    rest -= one.weight || 1
    if (rest < 0) return one
  }
  return undefined
}
