/** Why a way to the server failed, in words, and the error when all did. */
import { InterceptError } from '../base/errors.ts'
import type { RouteKind } from '../event/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import { describeDialError } from '../transport/errors.ts'
import { WebSocketRefused } from '../transport/websocket.ts'
import type { Excluded } from './candidates.ts'

export interface Failure {
  kind: RouteKind
  reason: string
  error: Error | undefined
}

export function failureOf(kind: RouteKind, error: Error): Failure {
  if (error instanceof WebSocketRefused) return { kind, reason: refusedWords(error), error }
  if (error instanceof InterceptError) return { kind, reason: error.message, error }
  return { kind, reason: describeDialError(error).reason, error }
}

function refusedWords({ status }: WebSocketRefused): string {
  if (status === 404) return 'nothing serves that path there (404)'
  if (status === 502 || status === 503 || status === 504) return `the address answers, but nothing is behind it (${status})`
  return `the WebSocket upgrade was answered with ${status}`
}

/** ROUTE_UNAVAILABLE with each way and its reason; a lone failure that is already clear to a user is passed on as it is. */
export function routeUnavailable(plan: TunnelPlan, failures: readonly Failure[], excluded: readonly Excluded[]): InterceptError {
  const all = [...failures, ...excluded]
  const only = failures[0]
  if (all.length === 1 && only?.error instanceof InterceptError && only.error.code !== 'ROUTE_UNAVAILABLE') return only.error
  const ways = all.map(({ kind, reason }) => `${kind}: ${reason}`).join('; ')
  return new InterceptError('ROUTE_UNAVAILABLE', `no way to the tunnel server of ${plan.name}${ways === '' ? '' : ` (${ways})`}`, {
    hint: hintFor(failures),
    details: { tried: all.map(({ kind, reason }) => ({ kind, reason })) },
    cause: only?.error
  })
}

function hintFor(failures: readonly Failure[]): string {
  if (failures.some(({ error }) => error instanceof WebSocketRefused && error.status === 404))
    return 'check the WebSocket path of the server: --tunnel-server ws://HOST:PORT/PATH'
  const codes = failures.flatMap(({ error }) => (error === undefined ? [] : [describeDialError(error).code]))
  if (codes.includes('CERT_UNTRUSTED')) return 'name the authority that signed its certificate: --tunnel-ca FILE.pem'
  if (codes.includes('CERT_WANTED')) return 'show it one that it knows: --tunnel-cert FILE.pem --tunnel-key FILE.pem'
  return 'name one that you know: kubectl intercept … --via ws://HOST:PORT, or see what is there: kubectl intercept list -o wide'
}
