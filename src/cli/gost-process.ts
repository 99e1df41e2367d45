/** `server` and `sidecar`: gost's command line → our server and connector in this process. What of it we lack is a warning, or, where nothing would work, an error. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Closable, closeAll } from '../base/closable.ts'
import { type Clock, deadline } from '../base/clock.ts'
import { formatEndpoint } from '../base/connection.ts'
import { errnoOf, InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { type Logger, logger, maskUuids } from '../base/log.ts'
import { gostFactsOfArgv } from '../discovery/container.ts'
import type { GostFacts, ServerFact, SidecarFact } from '../discovery/types.ts'
import { logSink } from '../output/log.ts'
import { overCarrier } from '../route/carrier.ts'
import { serverOptionsFrom, sidecarOptionsFrom } from '../server/from-argv.ts'
import { startServer } from '../server/run-server.ts'
import { startSidecar } from '../server/sidecar.ts'
import { dialTcp } from '../transport/tcp.ts'
import type { CommandContext } from './context.ts'
import { describeServer, describeSidecar } from './describe-operation.ts'
import { withEntrypoints } from './entrypoint-settings.ts'
import { type OperateSettings, readOperation } from './operate-settings.ts'
import { badUsage, seeHelp } from './usage-error.ts'

type Part = 'server' | 'sidecar'

interface Running extends Closable {
  drain(signal: AbortSignal): Promise<void>
}

interface Host {
  clock: Clock
  log: Logger
  /** One line for a person, ids shortened. */
  say: (line: string) => void
  settings: OperateSettings
  readFile: (path: string) => string
}

export async function runGostProcess(context: CommandContext, part: Part): Promise<number> {
  const { io, clock, stop, flagArgs } = context
  const { settings, gost, warnings } = readOperation(flagArgs, part, io.cwd)
  const facts = gostFactsOfArgv(gost, file => readConfig(file, io.cwd))
  const { servers, sidecars } = usable(facts, part)
  if (settings.entrypoints.length > 0 && servers.length !== 1)
    throw badUsage(`--entrypoint needs exactly one tunnel listener, and there are ${servers.length}`, seeHelp(part))
  const say = (line: string): void => void io.stderr.write(`${printable(maskUuids(line))}\n`)
  for (const problem of [...warnings, ...facts.problems]) say(`warning: ${problem}`)
  const readFile = (file: string): string => readFileSync(path.resolve(io.cwd, file), 'utf8')
  if (settings.check) {
    for (const fact of servers) io.stdout.write(describeServer(fact, serverOptions(fact, { settings, readFile })))
    for (const fact of sidecars) io.stdout.write(describeSidecar(fact, sidecarOptionsFrom(fact, overCarrier(dialTcp(fact.server), fact))))
    return 0
  }
  const running: Running[] = []
  const log = logger(logSink(io.stderr, clock), settings.logLevel)
  const host: Host = { clock, log, say, settings, readFile }
  try {
    for (const fact of servers) running.push(await serve(fact, host))
    for (const fact of sidecars) running.push(register(fact, host))
    await aborted(stop.drain)
    const grace = deadline(clock, settings.graceMs, () => new Error('grace is over'), stop.now)
    await Promise.all(running.map(each => each.drain(grace.signal)))
    grace.done()
    return 0
  } finally {
    await closeAll(running)
  }
}

function usable(facts: GostFacts, part: Part): Pick<GostFacts, 'servers' | 'sidecars'> {
  const broken = [...facts.servers, ...facts.sidecars].find(({ unsupported }) => unsupported !== undefined)
  if (broken?.unsupported !== undefined) throw badUsage(`this ${part} cannot be run: ${broken.unsupported}`, seeHelp(part))
  if (facts.servers.length + facts.sidecars.length > 0) return facts
  const missing =
    part === 'server' ? 'no tunnel listener (-L tunnel+ws://…)' : 'no remote listener with a tunnel (-L rtcp://… -F tunnel+ws://…)'
  const [why] = facts.problems.filter(problem => !problem.startsWith('/etc/gost/'))
  throw badUsage(`the arguments hold ${missing}${why === undefined ? '' : `: ${why}`}`, seeHelp(part))
}

const serverOptions = (
  fact: ServerFact,
  { settings, readFile }: Pick<Host, 'settings' | 'readFile'>
): ReturnType<typeof serverOptionsFrom> => withEntrypoints(serverOptionsFrom(fact, readFile), settings.entrypoints)

async function serve(fact: ServerFact, { clock, log, say, settings, readFile }: Host): Promise<Running> {
  const options = serverOptions(fact, { settings, readFile })
  const server = await startServer({ ...options, clock, log }).catch((error: unknown) => {
    throw inUse(error, fact.port)
  })
  const entrypoints = server.entrypointPorts.join(', ')
  say(
    `tunnel server on port ${server.tunnelPort} (${fact.carrier}, path ${fact.path}), entrypoint on ${entrypoints === '' ? 'no port' : entrypoints}`
  )
  return { close: server.close, drain: signal => server.drain({ graceMs: settings.graceMs, signal }) }
}

function inUse(error: unknown, port: number): unknown {
  const code = errnoOf(error)
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error
  const why = code === 'EACCES' ? 'may not be used by this user' : 'or that of an entrypoint is in use'
  return new InterceptError('LOCAL_UNREACHABLE', `port ${port} ${why}`, {
    hint: 'choose another one: kubectl intercept server -L tunnel+ws://:PORT…',
    cause: error
  })
}

function register(fact: SidecarFact, { clock, log, say }: Host): Running {
  const options = sidecarOptionsFrom(fact, overCarrier(dialTcp(fact.server), fact))
  const { tunnelId, weight, target } = options
  const sidecar = startSidecar({ ...options, clock, log })
  sidecar.ready.then(
    () => say(`registered at ${formatEndpoint(fact.server)} for tunnel ${tunnelId}, weight ${weight}, app ${formatEndpoint(target)}`),
    (error: unknown) => log.debug('never registered', { error })
  )
  return { close: sidecar.close, drain: signal => sidecar.stop(signal) }
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
