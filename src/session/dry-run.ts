/** `--dry-run`: what would be done, without registering anything: weight and share, ways in their order, permissions, who else. */
import { formatShare } from '../base/format.ts'
import type { Cluster } from '../kube/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import { candidates, type Candidate } from '../route/candidates.ts'
import { visitorWays } from '../route/visitor.ts'
import { whoElse } from '../route/who-else.ts'
import { claimNotes } from './claim-notes.ts'
import { wishOf } from './claiming.ts'
import type { InterceptSettings } from './options.ts'
import { hasWayBack, looksHere } from './personal.ts'
import { planEvent } from './plan-event.ts'
import type { InterceptContext, Mapped } from './request.ts'
import { shareOf } from './split.ts'
import { expressed, filterField, knownShare, knownSidecars, shareFields } from './wanted-share.ts'

export interface DryRunOptions {
  mapped: Mapped
  settings: InterceptSettings
  cluster: Cluster | undefined
  context: InterceptContext
}

/** Emits the plan of one tunnel: `plan.resolved`, `intercept.changed`, then one notice a line. */
export async function dryRun({ mapped, settings, cluster, context }: DryRunOptions): Promise<void> {
  const { plan } = mapped
  const emit = context.events.emit
  const about = { target: plan.name }
  const ready = plan.sidecars.filter(pod => pod.ready && !pod.terminating)
  const weights = ready.map(pod => pod.weight)
  const canReturn = cluster !== undefined && hasWayBack(plan, settings.fallback)
  const split = expressed(settings, knownSidecars(plan, plan.sidecars), canReturn)
  const weight = split.weight
  const thinning = split.keep
  emit('plan.resolved', planEvent(mapped, weight, settings.mirror), about)
  const { mirror } = settings
  const share = mirror === undefined ? knownShare(plan, weight, plan.sidecars) : 0
  emit(
    'intercept.changed',
    {
      weight,
      ...shareFields(share, thinning),
      ...filterField(settings.filter),
      ...(mirror !== undefined && { mirror: true }),
      by: 'user'
    },
    about
  )
  const notes = [...waysOf(plan, settings, cluster), returnNote(plan, canReturn, settings)]
  const consent = (what: string): void =>
    void notes.push(settings.mayThin ? `agreed to with --through-laptop: ${what}` : `needs consent: ${what} (--through-laptop)`)
  if (thinning < 1 && looksHere(plan)) consent(`${formatShare(shareOf(weight, weights))} of the visitors pass this laptop`)
  if (mirror !== undefined && looksHere(plan)) consent('all visitors pass this laptop on their way to the pods')
  else if (mirror === undefined && settings.filter !== undefined) {
    if (looksHere(plan)) consent('all visitors pass this laptop, and what does not match goes back to the pods')
    else notes.push('the tunnel server chooses: only what matches comes to this laptop')
  }
  notes.push(...(await permissions(plan, cluster)))
  if (cluster !== undefined) {
    const wish = wishOf({ weight, filter: settings.filter }, undefined)
    const claims = await claimNotes({ cluster, plan, wish, manner: settings.manner, now: context.clock.date() }, context.now)
    notes.push(...claims.lines)
    notes.push(...(await others(plan, cluster, { ...context, claimed: claims.users })))
  } else notes.push(...(await others(plan, cluster, { ...context, claimed: [] })))
  for (const message of notes) emit('notice', { level: 'info', code: 'PLAN', message }, about)
}

function waysOf(plan: TunnelPlan, settings: InterceptSettings, cluster: Cluster | undefined): string[] {
  const found = candidates(plan, plan.server.pods, settings.via, cluster !== undefined)
  const [first, ...rest] = found.candidates.map(describe)
  const lines = [
    first === undefined ? 'no way to the tunnel server' : `would go by ${first}${rest.length === 0 ? '' : `, else ${rest.join(', else ')}`}`
  ]
  return [...lines, ...found.excluded.map(({ kind, reason }) => `not by ${kind}: ${reason}`)]
}

function describe(candidate: Candidate): string {
  switch (candidate.kind) {
    case 'ingress':
      return `ingress ${candidate.ingress.name} (${candidate.ingress.host} at ${candidate.address}:${candidate.port})`
    case 'port-forward':
      return `port-forward to ${candidate.pods.map(({ pod }) => pod).join(' and ')}`
    case 'service-proxy':
      return `API server proxy to ${candidate.service}:${candidate.port}`
    case 'url':
      return `${candidate.host}:${candidate.port}`
  }
}

function returnNote(plan: TunnelPlan, canReturn: boolean, { fallback, mirror }: InterceptSettings): string {
  if (canReturn) return 'return path: port-forward to the pods'
  const none = `no return path${fallback ? '' : ' (--no-fallback)'}`
  if (looksHere(plan)) return `${none}: when the local app is down, visitors see it`
  return mirror === undefined
    ? `${none}: while the local app is down, the tunnel server gives its requests to another connector`
    : `${none}, and none is needed: the cluster answers every visitor`
}

async function permissions(plan: TunnelPlan, cluster: Cluster | undefined): Promise<string[]> {
  if (cluster === undefined) return []
  const { namespace } = plan.server
  const asked = [
    { words: 'port-forward', verb: 'create', resource: 'pods', subresource: 'portforward' },
    { words: 'service proxy', verb: 'get', resource: 'services', subresource: 'proxy' }
  ]
  const answers = await Promise.all(
    asked.map(async ({ words, verb, resource, subresource }) => {
      const may = await cluster.canI(verb, resource, { namespace, subresource }).catch(() => undefined)
      return `${words} ${may === undefined ? 'unknown' : may ? 'yes' : 'no'}`
    })
  )
  return [`permissions in ${namespace}: ${answers.join(', ')}`]
}

interface Asking extends Pick<InterceptContext, 'clock' | 'now'> {
  /** Who was named already. */
  claimed: readonly string[]
}

async function others(plan: TunnelPlan, cluster: Cluster | undefined, { clock, now, claimed }: Asking): Promise<string[]> {
  const pod = plan.server.pods.find(each => each.ready && !each.terminating)
  const dial = visitorWays({ plan, cluster, entrypoint: undefined }, pod, false).find(way => way.dial !== undefined)?.dial
  if (dial === undefined) return ['who else intercepts: cannot be seen from here (needs pods/portforward)']
  const found = await whoElse(dial, { tunnelId: plan.tunnelId, clock, asks: 8, waitMs: 1_500 }, now)
  if (found.length === 0) return claimed.length > 0 ? [] : ['nobody else seems to intercept it now']
  return found
    .filter(({ user }) => !claimed.includes(user))
    .map(({ user, weight }) => `already intercepted by ${user} with weight ${weight}`)
}
