/** The end is checked: one HEAD as a visitor after we left. gost's own 502/503 means that nobody serves (product.md §6). */
import { deadline, sleep, type Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import { formatMs } from '../base/format.ts'
import type { Emit } from '../event/types.ts'
import type { HttpAnswer } from '../kube/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import { describeDialError } from '../transport/errors.ts'
import { sendProbe } from '../route/relay-probe.ts'
import { whoElse } from '../route/who-else.ts'
import type { VisitorWay } from '../route/types.ts'
import { visitorHost } from './verify.ts'

export interface EndCheckOptions {
  plan: TunnelPlan
  ways: readonly VisitorWay[]
  clock: Clock
  emit: Emit
  /** `--probe-path`. */
  path: string
  random: () => string
  tries?: number
  /** Whether somebody served before this session, where that was asked. */
  servedBefore?: boolean | undefined
}

export interface EndReport {
  /** Undefined: could not be checked. */
  serving: boolean | undefined
  /** `nginx is served without this laptop (200 in 4 ms; 1 sidecar)`. */
  line: string
}

export async function checkEnd(options: EndCheckOptions, signal: AbortSignal): Promise<EndReport> {
  const { plan, ways, clock, emit, tries = 4 } = options
  const sidecars = plan.sidecars.filter(pod => pod.ready && !pod.terminating).length
  const count = plan.byFlags === true ? '' : `; ${sidecars} ${sidecars === 1 ? 'sidecar' : 'sidecars'}`
  const host = visitorHost(plan)
  const http = plan.protocol === 'http' && host !== undefined
  const way = http ? ways[0] : ways.find(each => each.dial !== undefined)
  if (way === undefined)
    return { serving: undefined, line: `${plan.name}: left; whether the cluster serves could not be checked (no access to the entrypoint)` }
  let reason = ''
  let unresolved = false
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const started = clock.now()
    unresolved = false
    const limit = deadline(clock, 5_000, () => new Error('no answer within 5 s'), signal)
    let status: number | undefined
    let failed: string | undefined
    try {
      if (http) {
        const answer = await way.request({ method: 'HEAD', path: options.path, host }, limit.signal)
        status = answer.status
        if (fromServerItself(answer)) failed = `the tunnel server itself answered ${status}`
      } else failed = await relayAnswers(options, way, limit.signal)
    } catch (thrown) {
      if (signal.aborted) throw signal.reason
      const { code, reason: words } = describeDialError(thrown)
      // This machine's names, and no word about who serves.
      unresolved = code === 'NO_SUCH_HOST'
      failed = `${way.describe}: ${unresolved ? words : asError(thrown).message}`
    } finally {
      limit.done()
    }
    const ms = Math.round(clock.now() - started)
    emit(
      'probe',
      {
        purpose: 'end',
        proof: 'serving',
        attempt,
        of: tries,
        ok: failed === undefined,
        ms,
        ...(status === undefined ? {} : { status }),
        ...(failed === undefined ? {} : { hop: failed })
      },
      { target: plan.name }
    )
    if (failed === undefined) {
      const how = `${status ?? 'answers'} in ${formatMs(ms)}`
      return { serving: true, line: await servedLine(options, { how, count }, signal) }
    }
    reason = failed
    if (attempt < tries) await sleep(clock, 250 * attempt, signal)
  }
  if (unresolved) return { serving: undefined, line: `${plan.name}: left; whether the cluster serves could not be checked (${reason})` }
  if (options.servedBefore === false) {
    return { serving: undefined, line: `${plan.name}: left; nobody served it before this session, and nobody does now: ${reason}` }
  }
  return { serving: false, line: `${plan.name} is NOT serving: ${reason}${count === '' ? '' : ` (${count.slice(2)})`}` }
}

/** Served, but by whom: another session of ours may have answered. */
async function servedLine(
  { plan, ways, clock }: EndCheckOptions,
  { how, count }: { how: string; count: string },
  signal: AbortSignal
): Promise<string> {
  const dial = ways.find(way => way.dial !== undefined)?.dial
  const others = dial === undefined ? [] : await whoElse(dial, { tunnelId: plan.tunnelId, clock, asks: 4 }, signal)
  const [holder] = others.toSorted((a, b) => b.weight - a.weight)
  if (holder === undefined) return `${plan.name} is served without this laptop (${how}${count})`
  const who = `another kubectl intercept of ${holder.user}, weight ${holder.weight}`
  return holder.weight === 255
    ? `${plan.name} is served by ${who}, not by the cluster (${how}${count})`
    : `${plan.name} is served without this session (${how}${count === '' ? '; beside it' : `${count}, and`} ${who})`
}

/** gost's own error: 502 or 503, no body, no header but Content-Length (and what an Ingress adds in front: Date, Server). */
function fromServerItself({ status, headers }: HttpAnswer): boolean {
  if (status !== 502 && status !== 503) return false
  const telling = headers.filter(([name]) => !/^(?:content-length|date|connection|server|x-.*|via)$/i.test(name))
  return telling.length === 0
}

async function relayAnswers({ plan, random }: EndCheckOptions, way: VisitorWay, signal: AbortSignal): Promise<string | undefined> {
  if (way.dial === undefined) return 'no raw access to the entrypoint'
  const status = await sendProbe(way.dial, { tunnelId: plan.tunnelId, nonce: random() }, signal)
  return status === 0 ? undefined : `the entrypoint answered with relay status ${status}`
}
