/** `kubectl intercept list` as a table, as names, and as data. Tunnel ids are short in all of them. */
import { formatShare } from '../base/format.ts'
import type { ListedClaim } from '../claim/look.ts'
import { sinceWords, whatWords } from '../claim/words.ts'
import type { SessionCluster, SessionInfo, TargetInfo } from '../control/message.ts'
import { clusterWords, isOfCluster } from '../control/place.ts'
import type { TunnelRow } from '../resolve/list.ts'
import { shownFilterText } from '../filter/shown.ts'
import { renderTable } from './table.ts'

export interface ListedSession extends SessionInfo {
  answers: boolean
}

export interface Listing {
  rows: readonly TunnelRow[]
  /** Of this user on this machine. */
  sessions: readonly ListedSession[]
  /** Of everybody, as far as Leases tell. */
  claims: (row: TunnelRow) => readonly ListedClaim[]
  /** That the rows are of. */
  cluster: SessionCluster
  /** Not before this were the claims read. */
  now: Date
}

export interface TableOptions {
  wide: boolean
  allNamespaces: boolean
  headings: boolean
}

type Column = readonly [heading: string, cell: (row: TunnelRow, listing: Listing) => string]

const NAMESPACE: Column = ['NAMESPACE', row => row.namespace]
const COLUMNS: readonly Column[] = [
  ['NAME', row => row.name],
  ['WORKLOAD', row => row.workload],
  ['HOSTS', row => [...row.hosts, ...(row.ports ?? [])].join(',')],
  ['APP', row => (row.appPort === undefined ? '' : String(row.appPort))],
  ['SIDECARS', row => `${row.sidecars.ready}/${row.sidecars.total}`],
  ['SERVER', row => row.server],
  ['INTERCEPT', (row, listing) => (row.joinable ? interceptOf(row, listing) : 'not possible')]
]
const WIDE: readonly Column[] = [
  ['TUNNEL', row => row.tunnel ?? 'random'],
  ['PROTOCOL', row => row.protocol],
  ['PEER', row => row.peer ?? 'unknown'],
  ['WEIGHTS', row => row.weights.join(',')],
  [
    'SESSIONS',
    (row, { claims, now }) =>
      claims(row)
        .map(claim => claimWords(claim, now))
        .join('; ')
  ],
  ['PASSES', row => row.passes.join('; ')],
  ['NOT-INTERCEPTED', row => row.bypasses.join('; ')]
]

export function renderTunnels(listing: Listing, { wide, allNamespaces, headings }: TableOptions): string {
  const columns = [...(allNamespaces ? [NAMESPACE] : []), ...COLUMNS, ...(wide ? WIDE : [])]
  return renderTable(
    headings ? columns.map(([heading]) => heading) : undefined,
    listing.rows.map(row => columns.map(([, cell]) => cell(row, listing)))
  )
}

/**
 * `verified → 127.0.0.1:8080`, of this user's sessions on this machine; with a share as `verified, weight 1 = 50 % → …`; of others
 * `ada@laptop (all visitors)`.
 */
function interceptOf(row: TunnelRow, { sessions, claims, cluster }: Listing): string {
  const own = sessions
    .filter(session => isOfCluster(session, cluster))
    .flatMap(({ targets }) => targets)
    .filter(target => isSame(row, target))
    .map(target => `${target.state}${shareWords(target)}${target.local === undefined ? '' : ` → ${target.local}`}`)
  const others = claims(row).filter(claim => !sessions.some(({ pid, user }) => pid === claim.pid && user === claim.user))
  return [...own, ...others.map(claim => `${claim.user} (${whatWords(claim)})`)].join(', ')
}

const claimWords = (claim: ListedClaim, now: Date): string => `${claim.user} since ${sinceWords(claim.since, now)} (${whatWords(claim)})`

/** Nothing for all visitors. */
function shareWords({ weight, share = 1, mirror }: ListedSession['targets'][number]): string {
  if (mirror === true) return ', copies only'
  const part = share < 1 ? formatShare(share) : ''
  if (weight === undefined || weight === 255) return part === '' ? '' : `, ${part}`
  return `, weight ${weight}${part === '' ? '' : ` = ${part}`}`
}

const isSame = (row: TunnelRow, target: Pick<TargetInfo, 'name' | 'workload' | 'namespace'>): boolean =>
  target.workload === row.workload &&
  (target.namespace === undefined || target.namespace === row.namespace) &&
  (target.name === row.name || !target.name.includes(':'))

/** What a table has no room for: what passes by the tunnel, and what is wrong. For stderr. */
export function tunnelNotes({ rows, sessions, cluster }: Listing): string[] {
  const notes = rows.flatMap(row => [...row.bypasses, ...row.problems, ...row.notes].map(note => `${row.name}: ${note}`))
  const isHere = (session: ListedSession): boolean =>
    isOfCluster(session, cluster) && session.targets.some(target => rows.some(row => isSame(row, target)))
  return [...notes, ...sessions.filter(session => !isHere(session)).map(session => sessionLine(session, cluster))]
}

function sessionLine(session: ListedSession, cluster: SessionCluster): string {
  const { pid, targets, command, answers } = session
  if (!answers) return `session ${pid} does not answer`
  if (session.kind !== undefined) return `session ${pid}: ${command}${isOfCluster(session, cluster) ? '' : ' (in another cluster)'}`
  const states = targets.map(
    ({ name, namespace, state }) => `${name}${namespace === undefined ? '' : ` (namespace ${namespace})`} ${state}`
  )
  const where =
    session.cluster === undefined || isOfCluster(session, cluster) ? 'elsewhere' : `in another cluster, ${clusterWords(session.cluster)}`
  return `session ${pid} runs ${where}: ${targets.length === 0 ? command : states.join(', ')}`
}

/** One target per line, as `kubectl intercept` takes it. */
export const tunnelNames = ({ rows }: Listing): string =>
  [...new Set(rows.filter(row => row.joinable).map(row => `${row.workload}\n`))].join('')

const shownClaim = ({ user, since, weight, filter }: ListedClaim): Record<string, unknown> => ({
  user,
  since,
  weight,
  ...(filter === undefined ? {} : { filter: shownFilterText(filter) })
})

/** Without plans: those hold whole tunnel ids. */
export const tunnelData = ({ rows, sessions, claims }: Listing): Record<string, unknown> => ({
  v: 1,
  items: rows.map(row => {
    const { plan: _secret, ...shown } = row
    return { ...shown, sessions: claims(row).map(shownClaim) }
  }),
  sessions
})
