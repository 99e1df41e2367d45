/**
 * The two proofs of `verified` (product.md §6). Arrival: a relay CONNECT with a nonce comes back to this process. Path, at 255 only: one HEAD as
 * a visitor would send it is answered by us. Both per replica; what is not open to us is said, not guessed.
 */
import { deadline, sleep, type Clock } from '../base/clock.ts'
import { asError, InterceptError } from '../base/errors.ts'
import type { Emit } from '../event/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import { sendProbe } from '../route/relay-probe.ts'
import type { ReplicaRoute, VisitorWay } from '../route/types.ts'
import { describeDialError } from '../transport/errors.ts'
import { emptyPool, PATH_WAIT_MS, provePath } from './path-proof.ts'
import type { ProbeBoard } from './probe-board.ts'

export interface VerifyOptions {
  plan: TunnelPlan
  route: ReplicaRoute
  board: ProbeBoard
  clock: Clock
  emit: Emit
  /** What whole weights give us, 0…1. */
  share: number
  /** 255 without anybody beside us. */
  exclusive: boolean
  random: () => string
  /** Which hosts lead here, where the server said so. */
  hosts?: readonly string[] | undefined
}

/** `unverified`: no way to prove anything. `missed`: probes went elsewhere. `lost`: a hop lost them. */
export type Verdict = { kind: 'verified'; ms: number } | { kind: 'unverified' | 'missed' | 'lost'; reason: string }

const ARRIVAL_TRIES = 50
const ARRIVAL_WAIT_MS = 1_500
const SHOWN_HOSTS = 3

export async function verify(options: VerifyOptions, signal: AbortSignal): Promise<Verdict> {
  const started = options.clock.now()
  const raw = options.route.visitor.find(way => way.dial !== undefined)
  const host = visitorHost(options.plan)
  const { protocol } = options.plan
  const visitor = protocol === 'http' ? options.route.visitor[0] : protocol === 'tls' ? raw : undefined
  const path = options.exclusive && host !== undefined ? visitor : undefined
  if (raw === undefined && path === undefined) {
    return { kind: 'unverified', reason: 'no access to the entrypoint (needs pods/portforward, an Ingress address or --entrypoint)' }
  }
  if (raw?.dial !== undefined) {
    const failed = await proveArrival(options, raw, signal)
    // A visitor's own request proves more; without the right to any, nothing is known and nothing is wrong.
    if (failed !== undefined && (failed.kind !== 'unverified' || path === undefined || path === raw)) return failed
  }
  if (path !== undefined && host !== undefined) {
    const failed = (await emptyPool(options, signal)) ?? (await provePath(options, { way: path, host }, signal))
    if (failed !== undefined) return { kind: 'lost', reason: failed }
  }
  if (options.plan.byFlags === true && path === undefined) return { kind: 'unverified', reason: notProven(host, options.hosts) }
  return { kind: 'verified', ms: Math.round(options.clock.now() - started) }
}

/** The tunnel was named by flags without a host: a relay CONNECT names the tunnel itself, so that it arrives proves nothing about visitors. */
export const hostsUnknown = (plan: TunnelPlan): boolean => plan.byFlags === true && plan.hosts.length === 0

/** No rule of the server was read, and no visitor's own request was seen. */
function notProven(host: string | undefined, hosts: readonly string[] | undefined): string {
  if (hosts?.length === 0) return 'no host leads to this tunnel: no rule of the server names it'
  if (host !== undefined) return `the server reaches this laptop; whether ${host} leads here is seen only at weight 255`
  const which = hosts === undefined ? 'which hosts lead here is not known' : `it leads ${someOf(hosts)} here`
  return `the server reaches this laptop; ${which}: --entrypoint http://HOST ${hosts === undefined ? 'names one' : 'proves it'}`
}

const someOf = (hosts: readonly string[]): string => `${hosts.slice(0, SHOWN_HOSTS).join(', ')}${hosts.length > SHOWN_HOSTS ? ', …' : ''}`

/** A concrete Host that visitors use: a wildcard rule gets a label. */
export function visitorHost(plan: TunnelPlan): string | undefined {
  const host = plan.hosts[0]
  if (host === undefined) return undefined
  return host.startsWith('*.') ? `kubectl-intercept${host.slice(1)}` : host.startsWith('.') ? `kubectl-intercept${host}` : host
}

async function proveArrival(options: VerifyOptions, way: VisitorWay, signal: AbortSignal): Promise<Verdict | undefined> {
  const { clock, emit, plan, share } = options
  let last = 'probes went to another connector'
  let lost = 0
  for (let attempt = 1; attempt <= ARRIVAL_TRIES; attempt += 1) {
    const started = clock.now()
    const nonce = options.random()
    const expected = options.board.expect(nonce)
    let ok = false
    let hop: string | undefined
    try {
      const limit = deadline(clock, PATH_WAIT_MS, () => new Error(`no answer within ${PATH_WAIT_MS / 1000} s`), signal)
      try {
        const status = way.dial === undefined ? -1 : await sendProbe(way.dial, { tunnelId: plan.tunnelId, nonce }, limit.signal)
        if (status !== 0) throw new Error(`the entrypoint answered with relay status ${status}`)
      } finally {
        limit.done()
      }
      ok = await within(clock, options.exclusive ? ARRIVAL_WAIT_MS : 300, expected.arrived, signal)
      hop = ok ? undefined : 'between the tunnel server and this laptop, or another connector took it'
    } catch (thrown) {
      if (signal.aborted) throw signal.reason
      if (isForbidden(thrown)) return { kind: 'unverified', reason: thrown.message }
      const { code, reason } = describeDialError(thrown)
      if (code === 'NO_SUCH_HOST') return { kind: 'unverified', reason: `${way.describe}: ${reason}` }
      lost += 1
      last = asError(thrown).message
      hop = way.describe
    } finally {
      expected.cancel()
    }
    emit(
      'probe',
      {
        purpose: 'verify',
        proof: 'arrival',
        attempt,
        of: ARRIVAL_TRIES,
        ok,
        ms: Math.round(clock.now() - started),
        ...(hop === undefined ? {} : { hop })
      },
      { target: plan.name }
    )
    if (ok) return undefined
    if (lost >= 3) return { kind: 'lost', reason: `${way.describe}: ${last}` }
    if (lost > 0) await sleep(clock, 200, signal)
  }
  const below = Math.min(share, 1 - 0.05 ** (1 / ARRIVAL_TRIES))
  return { kind: 'missed', reason: `share < ${Math.max(1, Math.ceil(below * 100))} %, not hit` }
}

const isForbidden = (thrown: unknown): thrown is InterceptError => thrown instanceof InterceptError && thrown.code === 'CLUSTER_FORBIDDEN'

async function within(clock: Clock, ms: number, wanted: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  const late = new AbortController()
  const timeout = sleep(clock, ms, AbortSignal.any([signal, late.signal])).then(
    () => false,
    () => false
  )
  const won = await Promise.race([wanted.then(() => true), timeout])
  late.abort()
  return won
}
