/** `server` and `sidecar`: gost's command line → our server and connector in this process. What of it we lack is a warning, or, where nothing would work, an error. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Closable, closeAll } from '../base/closable.ts'
import { type Clock, deadline } from '../base/clock.ts'
import { type Dial, formatEndpoint } from '../base/connection.ts'
import { errnoOf, InterceptError } from '../base/errors.ts'
import { isIp, isLoopback } from '../discovery/address.ts'
import { type ArgvFacts, gostFactsOfArgv } from '../discovery/container.ts'
import type { ServerFact, SidecarFact } from '../discovery/types.ts'
import { overCarrier } from '../route/carrier.ts'
import { serverOptionsFrom, sidecarOptionsFrom } from '../server/from-argv.ts'
import { type RunningServer, startServer } from '../server/run-server.ts'
import { type Sidecar, startSidecar } from '../server/sidecar.ts'
import { startSidecarSet } from '../server/sidecar-set.ts'
import { addressesOf } from '../transport/addresses.ts'
import { dialTcp } from '../transport/tcp.ts'
import type { CommandContext } from './context.ts'
import { followFiles } from './follow-files.ts'
import { describeServer, describeSidecar } from './describe-operation.ts'
import { loadCertificate, withEntrypoints } from './entrypoint-settings.ts'
import type { OpenHealth, Operated } from './operate-health.ts'
import { refuseMistakes } from './operate-mistakes.ts'
import { openVoice, type Voice } from './operate-log.ts'
import { type OperateSettings, readOperation } from './operate-settings.ts'
import { withPolicy } from './policy-settings.ts'
import { withRules } from './rules-settings.ts'
import { badUsage, seeHelp } from './usage-error.ts'
import { limitYoungHeap, SERVER_LIMIT_BYTES } from './young-heap.ts'

type Part = 'server' | 'sidecar'

interface Running extends Closable {
  drain(signal: AbortSignal): Promise<void>
}

interface Host extends Voice {
  clock: Clock
  settings: OperateSettings
  readFile: (path: string) => string
  /** The name of the pod, told to servers of ours. */
  who: string | undefined
}

export async function runGostProcess(context: CommandContext, part: Part): Promise<number> {
  const { io, clock, stop, flagArgs } = context
  const { settings, gost, warnings } = readOperation(flagArgs, part, io)
  const facts = gostFactsOfArgv(gost, file => readConfig(file, io.cwd))
  const { servers, sidecars } = usable(facts, part)
  if (settings.entrypoints.length + settings.udpEntrypoints.length > 0 && servers.length !== 1)
    throw badUsage(`--entrypoint needs exactly one tunnel listener, and there are ${servers.length}`, seeHelp(part))
  const voice = await openVoice(io.stderr, settings, clock)
  for (const problem of [...warnings, ...facts.problems]) voice.warn(problem)
  refuseMistakes(facts, { settings, part, warn: voice.warn })
  const host: Host = {
    ...voice,
    clock,
    settings,
    readFile: file => readFileSync(path.resolve(io.cwd, file), 'utf8'),
    who: io.env['HOSTNAME']
  }
  if (settings.check) {
    for (const fact of servers) io.stdout.write(describeServer(fact, serverOptions(fact, host), settings.udpEntrypoints))
    for (const fact of sidecars) io.stdout.write(describeSidecar(fact, sidecarOptionsFrom(fact, overCarrier(dialTcp(fact.server), fact))))
    return 0
  }
  const running: Running[] = []
  const young = limitYoungHeap(clock, servers.length > 0 ? SERVER_LIMIT_BYTES : undefined)
  try {
    const operated: { servers: RunningServer[]; sidecars: Sidecar[] } = { servers: [], sidecars: [] }
    for (const fact of servers) {
      const { server, followed } = await serve(fact, host)
      operated.servers.push(server)
      running.push({ close: () => closeAll([followed, server]), drain: signal => drainServer(server, host, signal) })
    }
    for (const fact of sidecars) {
      const sidecar = register(fact, host)
      operated.sidecars.push(sidecar)
      running.push({ close: sidecar.close, drain: signal => drainSidecar(sidecar, host, signal) })
    }
    const health = await healthOf(operated, host)
    if (health !== undefined) running.push({ close: health.close, drain: async () => {} })
    await aborted(stop.drain)
    health?.end()
    await Promise.all(running.map(each => each.drain(stop.now)))
    return 0
  } finally {
    young.cancel()
    await closeAll(running)
  }
}

async function drainServer(server: RunningServer, { settings, say }: Host, signal: AbortSignal): Promise<void> {
  const { drainDelayMs: delayMs, graceMs } = settings
  say(delayMs > 0 ? `serving for ${delayMs / 1_000} s more, then draining` : 'draining', 'draining')
  const cut = await server.drain({ delayMs, graceMs, signal })
  say(cut === 0 ? 'drained: every request was finished' : `drained: ${cut} requests were cut off`, 'drained')
}

async function drainSidecar(sidecar: Sidecar, { clock, settings, say }: Host, signal: AbortSignal): Promise<void> {
  say('draining', 'draining')
  const grace = deadline(clock, settings.graceMs, () => new Error('grace is over'), signal)
  await sidecar.stop(grace.signal)
  say(grace.signal.aborted ? 'drained: what still ran was cut off' : 'drained: every request was finished', 'drained')
  grace.done()
}

/** In the image a sidecar has none by itself: it shares its ports with the app. */
async function healthOf(operated: Operated, host: Host): Promise<OpenHealth | undefined> {
  const { health } = host.settings
  if (health === undefined || (!health.asked && operated.servers.length === 0)) return undefined
  const { openHealth } = await import('./operate-health.ts')
  const open = await openHealth(operated, health, host)
  if (open !== undefined) host.say(`health and metrics on port ${open.port}`)
  return open
}

function usable(facts: ArgvFacts, part: Part): Pick<ArgvFacts, 'servers' | 'sidecars'> {
  const broken = [...facts.servers, ...facts.sidecars].find(({ unsupported }) => unsupported !== undefined)
  if (broken?.unsupported !== undefined) {
    const hint = broken.unsupported.startsWith('its carrier') ? `take ws, wss, tls or tcp; ${seeHelp(part)}` : seeHelp(part)
    throw badUsage(`this ${part} cannot be run: ${broken.unsupported}`, hint)
  }
  if (facts.servers.length + facts.sidecars.length > 0) return facts
  const missing =
    part === 'server' ? 'no tunnel listener (-L tunnel+ws://…)' : 'no remote listener with a tunnel (-L rtcp://… -F tunnel+ws://…)'
  const [why] = facts.problems.filter(problem => !problem.startsWith('/etc/gost/'))
  throw badUsage(`the arguments hold ${missing}${why === undefined ? '' : `: ${why}`}`, seeHelp(part))
}

const serverOptions = (
  fact: ServerFact,
  { settings, readFile }: Pick<Host, 'settings' | 'readFile'>
): ReturnType<typeof serverOptionsFrom> =>
  withEntrypoints(
    withRules(withPolicy(serverOptionsFrom(fact, readFile), { file: settings.policy, readFile }), { file: settings.rules, readFile }),
    {
      entrypoints: settings.entrypoints,
      tls: loadCertificate(settings.entrypointTls, readFile)
    }
  )

async function serve(fact: ServerFact, host: Host): Promise<{ server: RunningServer; followed: Closable }> {
  const { clock, log, say, who } = host
  const { forwarded, exclusive, udpEntrypoints } = host.settings
  const followed = followFiles(readFile => serverOptions(fact, { ...host, readFile }), host)
  const options = {
    ...followed.settings,
    udpEntrypoints,
    exclusive,
    ...(forwarded !== undefined && { forwarded }),
    ...(who !== undefined && { name: who }),
    clock,
    log
  }
  const server = await startServer(options).catch((error: unknown) => {
    throw inUse(error, fact.port)
  })
  followed.follow(changed => server.reload(changed))
  const entrypoints = [...server.entrypointPorts, ...server.udpPorts.map(port => `${port}/udp`)].join(', ')
  say(
    `tunnel server on port ${server.tunnelPort} (${fact.carrier}, path ${fact.path}), entrypoint on ${entrypoints === '' ? 'no port' : entrypoints}`
  )
  return { server, followed }
}

function inUse(error: unknown, port: number): unknown {
  const code = errnoOf(error)
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error
  const why = code === 'EACCES' ? 'may not be used by this user' : 'is in use'
  const which = error instanceof Error && 'port' in error ? Number(error.port) : port
  return new InterceptError('LOCAL_UNREACHABLE', `port ${which} ${why}`, {
    hint:
      which === port
        ? 'choose another one: kubectl intercept server -L tunnel+ws://:PORT…'
        : 'choose another one: entrypoint=:PORT of -L, or --entrypoint :PORT',
    cause: error
  })
}

/** With every replica of the server that its name leads to. */
function register(fact: SidecarFact, { clock, log, say, who }: Host): Sidecar {
  const { host, port } = fact.server
  const dialTo = (address: string): Dial =>
    overCarrier(dialTcp({ host: address, port }, { pooled: fact.carrier === 'ws' || fact.carrier === 'tcp' }), fact)
  const options = { ...sidecarOptionsFrom(fact, dialTo(host)), clock, log, ...(who === undefined ? {} : { who }) }
  const { tunnelId, weight, target } = options
  const fixed = isIp(host) || isLoopback(host)
  const sidecar = fixed ? startSidecar(options) : startSidecarSet({ ...options, dialTo, addresses: () => addressesOf(host) })
  sidecar.ready.then(
    () =>
      say(
        `registered at ${formatEndpoint(fact.server)} for tunnel ${tunnelId}, weight ${weight}, app ${formatEndpoint(target)}`,
        'registered'
      ),
    (error: unknown) => log.debug('never registered', { error })
  )
  return sidecar
}

function readConfig(file: string, cwd: string): { text: string } | { problem: string } {
  try {
    return { text: readFileSync(path.resolve(cwd, file), 'utf8') }
  } catch (error) {
    return { problem: `cannot be read (${errnoOf(error) ?? 'unknown reason'})` }
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
