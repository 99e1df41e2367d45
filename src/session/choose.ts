/** From a request to the tunnels to intercept, each with its local address: discovery or flags, ports, and the questions to ask before. */
import { formatEndpoint } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import { formatShare } from '../base/format.ts'
import type { Cluster } from '../kube/types.ts'
import { manualPlan } from '../resolve/manual.ts'
import { assignLocals } from '../resolve/assign-locals.ts'
import { resolveTargets } from '../resolve/resolve.ts'
import { parseTarget } from '../resolve/target.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import type { Via } from '../route/types.ts'
import { withPeer } from '../route/which-server.ts'
import { dialTcp } from '../transport/tcp.ts'
import { checkFilter, consentQuestion, hasWayBack, looksHere } from './personal.ts'
import { checkMirror, mirrorQuestion } from './mirroring.ts'
import type { InterceptContext, InterceptRequest, Mapped } from './request.ts'
import { splitFor } from './split.ts'

/** Throws what resolve throws, and CONSENT_NEEDED where a question has nobody to answer it. */
export async function chooseTunnels(request: InterceptRequest, context: InterceptContext, cluster: Cluster | undefined): Promise<Mapped[]> {
  const found = (await findPlans(request, context, cluster)).map(plan => withCredentials(plan, request))
  const { clock, log, drain } = context
  const plans = await Promise.all(found.map(plan => withPeer(plan, { cluster, via: viaOf(request), clock, log }, drain)))
  const { chosen, leftOut } = await assignLocals(plans, request.ports, {
    all: request.all,
    isListening: async endpoint => {
      try {
        const connection = await dialTcp(endpoint)(AbortSignal.any([context.now, AbortSignal.timeout(1_000)]))
        connection.destroy()
        return true
      } catch {
        return false // closed, or filtered: nobody to serve visitors either way
      }
    }
  })
  for (const { plan, reason, hint } of leftOut) {
    context.events.emit(
      'notice',
      { level: 'warn', code: 'LEFT_OUT', message: `${plan.name} is left out: ${reason}`, ...(hint === undefined ? {} : { hint }) },
      { target: plan.name }
    )
  }
  if (chosen.length === 0) {
    throw new InterceptError(
      'TUNNEL_NOT_FOUND',
      leftOut.length === 0 ? 'there is no tunnel to intercept here' : 'every tunnel here was left out',
      {
        hint: leftOut[0]?.hint ?? 'see what is there: kubectl intercept list -A'
      }
    )
  }
  if (request.mirror !== undefined)
    for (const { plan } of chosen) checkMirror(plan, cluster !== undefined && hasWayBack(plan, request.fallback))
  if (request.filter !== undefined)
    for (const { plan } of chosen) checkFilter(plan, request.filter, cluster !== undefined && hasWayBack(plan, request.fallback))
  return chosen
}

export const viaOf = ({ via }: Pick<InterceptRequest, 'via'>): Via =>
  via.kind === 'url' ? { kind: 'url', url: new URL(via.url) } : { kind: via.kind }

async function findPlans(request: InterceptRequest, { drain }: InterceptContext, cluster: Cluster | undefined): Promise<TunnelPlan[]> {
  const { manual } = request
  if (manual !== undefined) {
    const { auth, ca, cert, key } = request.credentials
    return [
      manualPlan({
        server: manual.server,
        tunnelId: manual.tunnelId,
        ...(manual.entrypoint === undefined ? {} : { entrypoint: manual.entrypoint }),
        ...(auth === undefined ? {} : { auth }),
        ca,
        cert,
        key
      })
    ]
  }
  if (cluster === undefined) throw new Error('discovery needs a cluster')
  return resolveTargets(cluster, {
    targets: request.all ? 'all' : request.targets.map(parseTarget),
    namespace: cluster.namespace,
    allNamespaces: request.allNamespaces,
    selector: request.selector,
    ports: request.ports,
    signal: drain
  })
}

/** Credentials from flags win over what the manifests say. */
function withCredentials(plan: TunnelPlan, { credentials, manual }: InterceptRequest): TunnelPlan {
  const { auth, ca, cert, key } = credentials
  if (manual !== undefined) return plan
  const { tls } = plan.server
  return {
    ...plan,
    server: {
      ...plan.server,
      auth: auth ?? plan.server.auth,
      tls: tls && { ...tls, ...(ca === undefined ? {} : { ca, secure: true }), ...(cert === undefined ? {} : { cert, key }) }
    }
  }
}

/**
 * Asks what must be asked: `--all` takes several services, and a thinned share sends every visitor through this laptop. True when the latter was
 * agreed to.
 */
export async function consent(request: InterceptRequest, context: InterceptContext, chosen: readonly Mapped[]): Promise<boolean> {
  if (request.all && !request.confirmed) {
    const lines = chosen.map(({ plan, local }) => `  ${plan.name} → ${formatEndpoint(local)}   ${plan.passes.join('; ')}`)
    const question = `Intercept ${chosen.length} ${chosen.length === 1 ? 'tunnel' : 'tunnels'}?\n${lines.join('\n')}\n`
    if (context.confirm === undefined) {
      throw new InterceptError('CONSENT_NEEDED', '`--all` asks before it takes the traffic, and there is no terminal to ask on', {
        hint: 'say yes beforehand: kubectl intercept --all --yes'
      })
    }
    if (!(await context.confirm(question)))
      throw new InterceptError('CONSENT_NEEDED', 'not confirmed, nothing was intercepted', {
        hint: 'choose single ones: kubectl intercept list'
      })
  }
  const { share } = request
  if (request.throughLaptop) return true
  if (request.mirror !== undefined) return consentToPass(context, chosen, mirrorQuestion)
  if (request.filter !== undefined) return consentToPass(context, chosen, consentQuestion)
  if (share.kind !== 'split') return false
  const thinned = chosen.filter(
    ({ plan }) => plan.byFlags !== true && plan.server.peer === 'gost' && thins(plan, share.share, request.fallback)
  )
  if (thinned.length === 0) return false
  const names = thinned.map(({ plan }) => plan.name).join(', ')
  const what = `A share of ${formatShare(share.share)} of ${names} cannot be had by whole weights: more visitors than that pass through this laptop, and the rest goes back to the pods.`
  if (context.confirm === undefined) {
    throw new InterceptError('CONSENT_NEEDED', what, {
      hint: 'agree beforehand with --through-laptop, or choose a whole weight with --weight'
    })
  }
  if (!(await context.confirm(`${what}\nGo on?`)))
    throw new InterceptError('CONSENT_NEEDED', 'not confirmed, nothing was intercepted', { hint: 'choose a whole weight with --weight' })
  return true
}

/** All visitors pass this laptop: a filter or a mirror on a stock server. */
async function consentToPass(context: InterceptContext, chosen: readonly Mapped[], question: (names: string) => string): Promise<boolean> {
  const through = chosen.filter(({ plan }) => looksHere(plan))
  if (through.length === 0) return false
  const what = question(through.map(({ plan }) => plan.name).join(', '))
  if (context.confirm === undefined) throw new InterceptError('CONSENT_NEEDED', what, { hint: 'agree beforehand with --through-laptop' })
  if (await context.confirm(`${what}\nGo on?`)) return true
  throw new InterceptError('CONSENT_NEEDED', 'not confirmed, nothing was intercepted', {
    hint: 'see what would be done: the same command with --dry-run'
  })
}

function thins(plan: TunnelPlan, share: number, fallback: boolean): boolean {
  const ready = plan.sidecars.filter(pod => pod.ready && !pod.terminating)
  const weights = ready.map(pod => pod.weight)
  return splitFor(share, weights, hasWayBack(plan, fallback)).keep < 1
}
