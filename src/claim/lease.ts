/**
 * A claim as a Lease, and back. A tunnel's Leases share a label and the beginning of their names: a hash of the tunnel's id, which is a secret.
 * One is named by the hash alone, the holder's: making it is the lock. Each session has one more; one with a filter is named by that filter, so
 * that making it is a lock too.
 */
import { createHash } from 'node:crypto'
import type { Lease, OwnerReference } from '../kube/types.ts'

/** What one session tells the others of its tunnel. */
export interface ClaimRecord {
  /** Tells sessions apart. */
  readonly session: string
  /** `name@host`. */
  readonly user: string
  /** Of the process, for whoever runs on the same host. */
  readonly pid: number
  /** RFC 3339: when it began; in the holder's Lease when it became the holder. */
  readonly since: string
  readonly weight: number
  /** In the match grammar; absent: all visitors. */
  readonly filter?: string | undefined
  /** A tunnel id of its own, random, by which the holder passes on what matches. A bearer secret. */
  readonly privateTunnel?: string | undefined
  /** Takes no visitor for itself. In front of a stock server all of them pass it. */
  readonly mirror?: boolean | undefined
}

/** Who asks the holder to step back. */
export type Asker = Pick<ClaimRecord, 'session' | 'user'>

/** A Lease of ours as it was read. */
export interface SeenLease {
  readonly lease: Lease
  readonly role: 'holder' | 'session'
  readonly record: ClaimRecord
  readonly asker: Asker | undefined
}

export const TUNNEL_LABEL = 'intercept/tunnel'
const RECORD = 'intercept/session'
const ASKER = 'intercept/takeover'
export const EXPIRES_SECONDS = 30

const hash = (purpose: string, text: string, digits: number): string =>
  createHash('sha256').update(`${purpose}${text}`).digest('hex').slice(0, digits)

export const tunnelHash = (tunnelId: string): string => hash('lease/v1:', tunnelId.toLowerCase(), 16)
export const holderName = (tunnel: string): string => `intercept-${tunnel}`
export const filterName = (tunnel: string, filter: string): string => `intercept-${tunnel}-f${hash('filter/v1:', filter, 12)}`
export const sessionName = (tunnel: string, session: string): string => `intercept-${tunnel}-s${session.replaceAll('-', '').slice(0, 12)}`

export interface LeasePlace {
  namespace: string
  tunnel: string
  owner: OwnerReference | undefined
}

/** `now`: the time of the renewal. A replacement keeps the version that it has seen. */
export function leaseFromRecord(
  name: string,
  { record, now, asker, version }: { record: ClaimRecord; now: Date; asker?: Asker | undefined; version?: string | undefined },
  { namespace, tunnel, owner }: LeasePlace
): Lease {
  return {
    metadata: {
      name,
      namespace,
      labels: { [TUNNEL_LABEL]: tunnel },
      annotations: { [RECORD]: JSON.stringify(record), ...(asker === undefined ? {} : { [ASKER]: JSON.stringify(asker) }) },
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
      ...(version === undefined ? {} : { resourceVersion: version })
    },
    spec: {
      holderIdentity: record.user,
      leaseDurationSeconds: EXPIRES_SECONDS,
      acquireTime: micro(new Date(record.since)),
      renewTime: micro(now)
    }
  }
}

const micro = (time: Date): string => time.toISOString().replace('Z', '000Z')

/** Undefined for anything that no session of ours has written. */
export function readLease(lease: Lease): SeenLease | undefined {
  const { name, labels = {}, annotations = {} } = lease.metadata
  const tunnel = labels[TUNNEL_LABEL]
  const record = parseRecord(annotations[RECORD])
  if (tunnel === undefined || record === undefined) return undefined
  return { lease, record, role: name === holderName(tunnel) ? 'holder' : 'session', asker: parseAsker(annotations[ASKER]) }
}

function parseRecord(text: string | undefined): ClaimRecord | undefined {
  const { session, user, pid, since, weight, filter, privateTunnel, mirror } = parseObject(text)
  if (typeof session !== 'string' || typeof user !== 'string' || typeof since !== 'string' || Number.isNaN(Date.parse(since)))
    return undefined
  if (typeof weight !== 'number' || !Number.isInteger(weight) || weight < 0 || weight > 255) return undefined
  return {
    session,
    user,
    pid: typeof pid === 'number' ? pid : 0,
    since: new Date(since).toISOString(),
    weight,
    ...(typeof filter === 'string' ? { filter } : {}),
    ...(typeof privateTunnel === 'string' ? { privateTunnel } : {}),
    ...(mirror === true ? { mirror } : {})
  }
}

function parseAsker(text: string | undefined): Asker | undefined {
  const { session, user } = parseObject(text)
  return typeof session === 'string' && typeof user === 'string' ? { session, user } : undefined
}

/** Anybody with the right to write Leases may have written this. */
function parseObject(text = ''): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
