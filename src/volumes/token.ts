/** The tokens of a pod's ServiceAccount, asked for as the kubelet does and again before they expire. Reference: pkg/kubelet/token. */
import { type Closable, closeOnce } from '../base/closable.ts'
import type { Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Cluster } from '../kube/types.ts'
import type { Pod } from '../resolve/objects.ts'
import { isUnread, readOrWhy, type Unread } from '../resolve/unread.ts'
import type { TokenKey, TokenRead } from './types.ts'
import { accountOf } from './volume-files.ts'
import { sameToken } from './volume-references.ts'

/** The kubelet's: after 80 % of its life, and after a day at the latest. */
const LIFE_SHARE = 0.8
const MAX_AGE_MS = 24 * 3_600_000
/** By the wall clock, so that a laptop that slept asks as soon as it wakes. */
const LOOK_MS = 5_000

export const refreshAt = (issuedAtMs: number, lifeMs: number): number => issuedAtMs + Math.min(lifeMs * LIFE_SHARE, MAX_AGE_MS)

export interface TokenContext {
  cluster: Pick<Cluster, 'requestToken'>
  pod: Pod
  /** False: a template; a token needs a pod that it is bound to. */
  exists: boolean
  clock: Clock
  log: Logger
}

interface Held {
  wanted: TokenKey
  read: TokenRead
  /** Undefined: refused, and not asked for again. */
  refreshAtMs: number | undefined
}

export interface Tokens extends Closable {
  read(wanted: TokenKey): TokenRead
  /** From now on tokens are renewed; `changed` is called after one was, `failed` once for each that could not be. */
  follow(listener: { changed: () => void; failed: (why: string) => void }): void
}

export async function requestTokens(context: TokenContext, wanted: readonly TokenKey[], signal: AbortSignal): Promise<Tokens> {
  const held = await Promise.all(wanted.map(one => request(context, one, signal)))
  const stop = new AbortController()
  let renewing: Promise<void> | undefined
  let timer: { cancel(): void } | undefined
  const renew = async (listener: Parameters<Tokens['follow']>[0]): Promise<void> => {
    let changed = false
    for (const one of held) {
      if (one.refreshAtMs === undefined || context.clock.date().getTime() < one.refreshAtMs) continue
      try {
        const fresh = await request(context, one.wanted, stop.signal)
        if (isUnread(fresh.read)) {
          one.refreshAtMs = undefined
          listener.failed(`a token of ServiceAccount ${accountOf(context.pod)} ${fresh.read.problem}`)
        } else {
          Object.assign(one, fresh)
          changed = true
        }
      } catch (error) {
        if (stop.signal.aborted) return
        context.log.warn('a token was not renewed, asking again', { error: asError(error) })
      }
    }
    if (changed) listener.changed()
  }
  return {
    read: key => held.find(one => sameToken(one.wanted, key))?.read ?? { problem: 'was not asked for', absent: false },
    follow(listener) {
      timer ??= context.clock.every(LOOK_MS, () => {
        renewing ??= renew(listener).finally(() => {
          renewing = undefined
        })
      })
    },
    close: closeOnce(async () => {
      timer?.cancel()
      stop.abort()
      await renewing
    })
  }
}

async function request({ cluster, pod, exists, clock }: TokenContext, wanted: TokenKey, signal: AbortSignal): Promise<Held> {
  const { namespace = '', name = '', uid = '' } = pod.metadata ?? {}
  if (!exists) return { wanted, read: unbound('cannot be had: no pod runs that it would be bound to'), refreshAtMs: undefined }
  const { audience, expirationSeconds } = wanted
  const issuedAtMs = clock.date().getTime()
  const read = await readOrWhy(() =>
    cluster.requestToken({ namespace, serviceAccount: accountOf(pod), audience, expirationSeconds, pod: { name, uid } }, signal)
  )
  if (isUnread(read)) {
    const problem = read.absent ? 'cannot be had: the ServiceAccount or the pod does not exist' : 'may not be asked for (forbidden)'
    return { wanted, read: { ...read, problem, absent: false }, refreshAtMs: undefined }
  }
  // Counted from here by the length that the server grants: the laptop's clock may be wrong.
  return { wanted, read: { token: read.token }, refreshAtMs: refreshAt(issuedAtMs, lifeOf(read, wanted, issuedAtMs)) }
}

/** What was asked for, unless the server gave less by its own clock; never more than it said. */
function lifeOf({ expiresAt }: { expiresAt: Date }, { expirationSeconds }: TokenKey, nowMs: number): number {
  const told = expiresAt.getTime() - nowMs
  const asked = expirationSeconds * 1_000
  return told > 0 ? Math.min(told, asked) : asked
}

const unbound = (problem: string): Unread => ({ problem, absent: false })
