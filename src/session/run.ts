/** A whole `kubectl intercept`: finds the tunnels, runs their intercepts side by side, says once a second how it goes, drains, reports. */
import { closeAll } from '../base/closable.ts'
import { asError, EXIT, EXIT_CODES, exitCodeFor, InterceptError, isAbort } from '../base/errors.ts'
import type { EndReason, ErrorShape } from '../event/types.ts'
import type { Cluster } from '../kube/types.ts'
import { chooseTunnels, consent, viaOf } from './choose.ts'
import { dryRun } from './dry-run.ts'
import { intercept, type Intercept } from './intercept.ts'
import type { InterceptSettings } from './options.ts'
import type { InterceptContext, InterceptRequest, Mapped } from './request.ts'
import { sessionCommands } from './commands.ts'
import { startStats, sumUp } from './stats.ts'
import { withGrace } from './with-grace.ts'

/** Whoever asked binds anyway after 5 s. */
const HAND_OVER_MS = 4_000

/** Resolves with the exit code when every target ended; throws an InterceptError to be shown when nothing could be started. */
export async function runIntercept(request: InterceptRequest, context: InterceptContext): Promise<number> {
  const { events, clock } = context
  const cluster = request.manual === undefined ? await context.connect() : undefined
  const startedAt = clock.now()
  const running: Intercept[] = []
  const end = async (reason: EndReason, exitCode: number): Promise<number> => {
    await closeAll(running).catch((error: unknown) => context.log.warn('close failed', { error: asError(error) }))
    events.emit('session.ended', {
      reason,
      exitCode,
      summary: sumUp(running, clock.now() - startedAt),
      ...(context.recording === undefined ? {} : { recording: context.recording })
    })
    return exitCode
  }
  const chosen = await chooseTunnels(request, context, cluster)
  events.emit('session.started', {
    pid: context.pid,
    user: context.user,
    version: context.version,
    command: context.commandLine,
    targets: chosen.map(({ plan }) => plan.name),
    ...(cluster === undefined ? {} : { cluster: { context: cluster.context, server: cluster.server } }),
    ...(context.controlPath === undefined ? {} : { controlPath: context.controlPath })
  })
  const ids = { count: 0 }
  const nextId = (): string => String((ids.count += 1))
  const session = crypto.randomUUID()
  try {
    const settings = settingsOf(request)
    if (request.dryRun) {
      settings.mayThin = request.throughLaptop
      for (const mapped of chosen) await dryRun({ mapped, settings, cluster, context })
      return await end('done', EXIT.OK)
    }
    settings.mayThin = await consent(request, context, chosen)
    for (const mapped of chosen) running.push(intercept({ ...mapped, ...common(context, settings, cluster), nextId, session }))
    return await end(...(await runAll({ running, chosen, context, settings, nextId })))
  } catch (error) {
    await end('error', exitCodeFor(error))
    throw error
  }
}

export interface RunOptions {
  running: readonly Intercept[]
  chosen: readonly Pick<Mapped, 'plan' | 'local'>[]
  context: InterceptContext
  settings: InterceptSettings
  /** Ids of exchanges, also for replays. */
  nextId: () => string
}

/** Starts all, serves until everything is left or drained. Throws when none could be started. */
export async function runAll({ running, chosen, context, settings, nextId }: RunOptions): Promise<[EndReason, number]> {
  const { clock, events } = context
  const allLeft = new AbortController()
  const taken: Intercept[] = []
  const stats = startStats({ running, clock, emit: events.emit, memory: context.memory })
  const leave = async (leaving: readonly Intercept[], graceMs = settings.graceMs): Promise<readonly string[]> => {
    const reports = await withGrace({ clock, graceMs, end: context.now }, signal => Promise.all(leaving.map(each => each.drain(signal))))
    await Promise.all(leaving.map(each => each.close()))
    if (running.every(isOver)) allLeft.abort()
    return reports.map(({ line }) => line)
  }
  sessionCommands({ running, locals: new Map(chosen.map(({ plan, local }) => [plan.name, local])), context, nextId, leave })
  for (const each of running) {
    void each.taken.then(() => {
      if (isOver(each) || each.state === 'draining') return
      taken.push(each)
      return leave([each], Math.min(settings.graceMs, HAND_OVER_MS))
    })
  }
  try {
    const failures = await startAll(running, context)
    if (failures.length === running.length && failures[0] !== undefined) throw failures[0]
    await aborted(AbortSignal.any([context.drain, allLeft.signal]))
    if (running.every(each => taken.includes(each))) return ['takeover', EXIT_CODES.TAKEN]
    return await drainAll(running, context, settings)
  } finally {
    stats.close()
  }
}

/** Starts all at once. One failure among several is told and does not stop the others; resolves when the waiting ones may go on by themselves. */
async function startAll(running: readonly Intercept[], context: InterceptContext): Promise<Error[]> {
  const failures: Error[] = []
  const starts = running.map(async each => {
    try {
      await each.start(context.drain)
    } catch (thrown) {
      if (context.drain.aborted || isAbort(thrown) || isOver(each)) return
      const error = asError(thrown)
      failures.push(error)
      if (running.length > 1) context.events.emit('error', { ...shapeOf(error), fatal: false }, { target: each.name })
      await each.close()
    }
  })
  // A target that waits for its local port does not hold up the session.
  await Promise.race([Promise.all(starts), aborted(context.drain)])
  return failures
}

async function drainAll(
  running: readonly Intercept[],
  context: InterceptContext,
  settings: InterceptSettings
): Promise<[EndReason, number]> {
  const { clock, now, events } = context
  const open = running.filter(each => !isOver(each))
  const reports = await Promise.race([
    withGrace({ clock, graceMs: settings.graceMs, end: context.now }, signal => Promise.all(open.map(each => each.drain(signal)))),
    aborted(now)
  ])
  if (reports === undefined) return ['signal', EXIT.SIGINT]
  const broken = reports.find(report => report.serving === false)
  if (broken === undefined) return [context.reason?.() ?? 'done', EXIT.OK]
  const error = new InterceptError('CLUSTER_NOT_SERVING', broken.line, { hint: 'see the pods: kubectl get pods -o wide' })
  events.emit('error', { ...shapeOf(error), fatal: false })
  return ['error', exitCodeFor(error)]
}

const isOver = ({ state }: Intercept): boolean => state === 'ended' || state === 'failed'

const common = (context: InterceptContext, settings: InterceptSettings, cluster: Cluster | undefined) => ({
  settings,
  cluster,
  clock: context.clock,
  log: context.log,
  emit: context.events.emit,
  user: context.user,
  pid: context.pid,
  runs: context.runs,
  capture: context.capture,
  random: () => crypto.randomUUID().replaceAll('-', '')
})

const settingsOf = (request: InterceptRequest): InterceptSettings => ({
  weight: request.share.kind === 'weight' ? request.share.weight : 255,
  split: request.share.kind === 'split' ? request.share.share : undefined,
  filter: request.filter,
  mirror: request.mirror,
  via: viaOf(request),
  entrypoint: request.manual?.entrypoint === undefined ? undefined : new URL(request.manual.entrypoint),
  fallback: request.fallback,
  returnLimit: request.returnLimit,
  onPause: request.onPause,
  wait: request.waitForLocal,
  graceMs: request.graceMs,
  requireAll: request.requireAll,
  probePath: request.probePath,
  mayThin: request.throughLaptop,
  manner: request.manner
})

export function shapeOf(error: Error): ErrorShape {
  if (!(error instanceof InterceptError)) return { code: 'BUG', message: error.message }
  const { code, message, hint, details } = error
  return { code, message, ...(hint === undefined ? {} : { hint }), ...(Object.keys(details).length === 0 ? {} : { details }) }
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise(resolve => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
