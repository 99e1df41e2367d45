/** Personal intercepts: only the requests that match come here. Our own server chooses; in front of a stock one all visitors pass this laptop. */
import { type Endpoint, formatEndpoint } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import type { Filter } from '../filter/filter.ts'
import { asksForSecret } from '../filter/shown.ts'
import { header } from '../http/header.ts'
import type { RequestHead } from '../http/message.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import type { VisitorWay } from '../route/types.ts'
import { whoElse } from '../route/who-else.ts'
import { type Asked, askedByRequest } from '../server/personal.ts'
import type { Hello } from '../tunnel/control-channel.ts'
import { nonceFor } from '../tunnel/probe-names.ts'
import { returnable } from './return-targets.ts'
import type { RunningTarget } from './running-target.ts'

/** The server does not know filters: every request is looked at here. */
export const looksHere = ({ server }: TunnelPlan): boolean => server.peer === 'gost'

/** There is a pod that takes what is not ours. */
export function hasWayBack(plan: TunnelPlan, fallback: boolean): boolean {
  const ready = plan.sidecars.filter(pod => pod.ready && !pod.terminating)
  return fallback && (plan.appService !== undefined || ready.some(returnable))
}

/** Throws what makes a filter impossible on this tunnel. */
export function checkFilter(plan: TunnelPlan, filter: Filter, mayReturn: boolean): void {
  const { name, protocol } = plan
  if (protocol !== 'http') {
    const what = protocol === 'tls' ? 'TLS that is not opened on the way' : `raw ${protocol.toUpperCase()}`
    throw new InterceptError('BAD_USAGE', `${name} carries ${what}: no request can be seen in it, so none can be chosen`, {
      hint: `take a share of the connections instead: kubectl intercept ${plan.target.text} --split 50%`
    })
  }
  if (filter.needsAnswer) {
    throw new InterceptError('BAD_USAGE', 'the filter asks for what only the answer tells, and a request is chosen before', {
      hint: 'choose by header, path, method, host or source: docs/filter.md'
    })
  }
  if (looksHere(plan) && !mayReturn) {
    throw new InterceptError(
      'SHARE_UNAVAILABLE',
      `${name} is behind a stock gost server, which knows no filters: what does not match would have to go back to a pod, and there is no way back`,
      { hint: 'may you forward to pods? kubectl auth can-i create pods --subresource=portforward; and leave out --no-fallback' }
    )
  }
}

export const consentQuestion = (names: string): string =>
  `The tunnel server of ${names} is a stock gost, which knows no filters: all visitors pass this laptop, and what does not match goes back to the pods.`

/** Undefined: no head that can be read. */
export function askedBy(head: RequestHead | undefined, from: Endpoint): Asked | undefined {
  if (head === undefined) return undefined
  const { method, target: path, headers } = head
  return askedByRequest({ method, path, headers, host: header(head, 'host') ?? '' }, formatEndpoint(from))
}

/** Who we are, to a server of ours. */
export function helloOf({ options: { user: who, session, settings }, facts: { filter } }: RunningTarget): Hello {
  const { mirror } = settings
  return {
    kind: 'agent',
    who,
    session,
    ...(filter !== undefined && { filter: filter.text }),
    ...(settings.manner === 'join' && { join: true }),
    ...(mirror !== undefined && { mirror: mirror.rate })
  }
}

/** Of probes: behind a filter they name the session, so that a server of ours finds it. */
export const nonces =
  ({ options: { random, session }, facts }: RunningTarget) =>
  (): string =>
    facts.filter === undefined && !facts.guest ? random() : nonceFor(random(), session)

/** A guest is reached by its own tunnel on every replica, which needs a way to each. */
export function refuseShared({ options: { plan }, claim }: RunningTarget, shared: boolean): void {
  if (!shared) return
  const message = `${claim?.holder?.user ?? 'another session'} holds ${plan.name}, and a second session needs a port-forward to each replica of the tunnel server`
  throw new InterceptError('TAKEN', message, {
    hint: `kubectl auth can-i create pods --subresource=portforward -n ${plan.server.namespace}`
  })
}

/** Without Leases two sessions in front of a stock server would get each other's requests. */
export async function refuseUntold({ options, claim }: RunningTarget, ways: readonly VisitorWay[], signal: AbortSignal): Promise<void> {
  const { plan, clock, session } = options
  const dial = ways.find(way => way.dial !== undefined)?.dial
  if (!looksHere(plan) || claim?.told === true || dial === undefined) return
  const [other] = (await whoElse(dial, { tunnelId: plan.tunnelId, clock, asks: 8 }, signal)).filter(each => each.session !== session)
  if (other === undefined) return
  throw new InterceptError('TAKEN', `${other.user} intercepts ${plan.name}, and a second personal session needs Leases to be told apart`, {
    hint: `kubectl auth can-i create leases.coordination.k8s.io -n ${plan.namespace}`
  })
}

/** Whoever mirrors a stock server sends every request to a pod and passes none on. */
export function refuseBehindMirror({ options: { plan }, claim }: RunningTarget): void {
  const holder = claim?.holder
  if (holder?.mirror !== true) return
  throw new InterceptError(
    'TAKEN',
    `${holder.user} mirrors ${plan.name}: its server is a stock gost, so all visitors pass that laptop, which passes none on`,
    {
      hint: 'agree who goes first; who is there: kubectl intercept list'
    }
  )
}

/** The holder would have to be told what the header must be, by a Lease that many may read. */
export function refuseSecret({ options: { plan }, claim, facts: { filter } }: RunningTarget): void {
  if (filter === undefined || !asksForSecret(filter.expression)) return
  const message = `${claim?.holder?.user ?? 'another session'} holds ${plan.name}, and would have to know the secret that your filter asks for`
  throw new InterceptError('TAKEN', message, {
    hint: `choose by a header that is no secret: kubectl intercept ${plan.target.text} --header 'X-User: ada'`
  })
}
