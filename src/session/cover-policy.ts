/**
 * Several replicas behind one address: what to do next so that each has one connector. Pure. A server of ours says its name in the welcome; a stock one
 * puts one into each request (`Gost-Forwarded-Node`), so that a probe that comes back over a connector tells on which replica that one is. Both
 * are new at each start: names and pods cannot be compared, only counted.
 */
export interface Slot {
  key: string
  bound: boolean
  /** What its replica calls itself, where that is known. */
  node: string | undefined
  /** A probe came back over it. */
  seen: boolean
}

export interface CoverView {
  /** Ready replicas. */
  total: number
  /** Oldest first. */
  slots: readonly Slot[]
  /** Rounds of probes since anything changed. */
  rounds: number
  /** In the last round somebody else answered, where nobody else should. */
  stranger: boolean
  /** A probe came back without a name. */
  nameless: boolean
  /** Probes can be sent at all. */
  visitable: boolean
  dialsLeft: number
}

export type CoverStep =
  | { kind: 'release'; keys: string[] }
  | { kind: 'probe' }
  | { kind: 'dial'; count: number }
  /** `why`: what is missing, and why nothing can be done about it now. */
  | { kind: 'rest'; why: string | undefined }

/** A connector that no probe came back over in so many rounds is left as it is. */
const MOST_ROUNDS = 4
/** Rounds end when all is told apart, so this is for a replica that gets few of the visitors. */
const PROBES_PER_REPLICA = 4
const MOST_PROBES = 60

export const dialsFor = (total: number): number => 4 * total

/** Of one round, when this share of a replica's visitors comes to us. */
export function probesFor(total: number, slots: number, share: number): number {
  return Math.min(MOST_PROBES, Math.ceil((PROBES_PER_REPLICA * Math.max(total, slots)) / Math.max(share, 0.01)))
}

/** Replicas that are held for sure: each name once; connectors that are not told apart count as one. */
export function heldOf({ slots, total }: Pick<CoverView, 'slots' | 'total'>): number {
  const bound = slots.filter(slot => slot.bound)
  return Math.min(total, Math.max(nodesOf(bound).size, Math.min(1, bound.length)))
}

export function nextCoverStep(view: CoverView): CoverStep {
  const { slots, total, rounds, stranger, visitable, dialsLeft } = view
  const bound = slots.filter(slot => slot.bound)
  const keys = duplicates(bound)
  if (keys.length > 0) return { kind: 'release', keys }
  if (bound.length === 0) return { kind: 'rest', why: undefined } // they re-dial by themselves
  const held = heldOf(view)
  const blind = blindness(view)
  if (blind !== undefined) return { kind: 'rest', why: held < total ? blind : undefined }
  const unseen = visitable ? bound.filter(slot => !slot.seen).length : 0
  if (visitable && (rounds === 0 || (unseen > 0 && rounds < MOST_ROUNDS))) return { kind: 'probe' }
  if (unseen > 0) return { kind: 'rest', why: `${unseen} of ${bound.length} connectors got no visitor yet` }
  const redialling = slots.length - bound.length
  const missing = Math.max(total - held, stranger ? 1 : 0) - redialling
  if (missing > 0 && dialsLeft > 0) return { kind: 'dial', count: Math.min(missing, dialsLeft) }
  if (held >= total) return { kind: 'rest', why: undefined }
  return { kind: 'rest', why: missing > 0 ? 'the shared address leads to no other' : 'a connector was lost and is dialled again' }
}

function blindness({ slots, nameless, visitable }: CoverView): string | undefined {
  if (slots.every(({ bound, node }) => !bound || node !== undefined)) return undefined
  if (nameless) return 'this server does not tell which replica answers (no Gost-Forwarded-Node)'
  if (!visitable) return 'no way to be a visitor over HTTP, so replicas cannot be told apart'
  return undefined
}

/** The later ones on each replica. */
function duplicates(bound: readonly Slot[]): string[] {
  const seen = new Set<string>()
  return bound.flatMap(({ key, node }) => {
    if (node === undefined) return []
    if (seen.has(node)) return [key]
    seen.add(node)
    return []
  })
}

const nodesOf = (slots: readonly Slot[]): Set<string> => new Set(slots.flatMap(({ node }) => (node === undefined ? [] : [node])))
