/**
 * From argv to an exit code: route, parse, run, and the one place where an error becomes text. Loads nothing of a command before it runs, and does
 * not end the process (`exit.ts`).
 */
import { systemClock } from '../base/clock.ts'
import { errnoOf, EXIT, exitCodeFor, isAbort } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { logger, silent } from '../base/log.ts'
import { errorJson, renderError } from '../output/error.ts'
import { logSink } from '../output/log.ts'
import type { CommandName } from './command-names.ts'
import type { CommandContext } from './context.ts'
import { COMMANDS } from './commands.ts'
import { findConfig } from './find-config.ts'
import { renderHelp } from './help.ts'
import { type Io, wantsColor } from './io.ts'
import { levelOf } from './log-level.ts'
import { parse } from './parse.ts'
import { type Parts, realParts } from './parts.ts'
import { type RoutedArgv, routeArgv } from './route-argv.ts'
import { type StopSignals, stopSignals } from './signals.ts'
import { badUsage, NAME_ONE, quoted } from './usage-error.ts'
import type { UsedConfig } from './use-config.ts'
import { readWhole } from './values.ts'
import { REPORT_URL } from './version.ts'

/** How long a command may take to unwind after a second Ctrl-C. */
const UNWIND_MS = 200
const FROM_FILE: ReadonlySet<CommandName> = new Set(['intercept', 'list', 'env', 'access'])

export interface Outcome {
  code: number
  /** A second Ctrl-C: leave without waiting for readers. */
  atOnce: boolean
}

export async function main(io: Io, parts: Parts = realParts): Promise<Outcome> {
  const stop = stopSignals(io.signals, systemClock)
  watchStreams(io, stop)
  let routed: RoutedArgv | undefined
  try {
    routed = routeArgv(io.argv)
    const code = await leaveAtOnce(runRouted(routed, { io, parts, stop }), stop)
    return { code: stop.exitCode(code), atOnce: stop.now.aborted }
  } catch (error) {
    return { code: reportError(error, { io, stop, routed }), atOnce: stop.now.aborted }
  } finally {
    stop.close()
  }
}

async function runRouted(routed: RoutedArgv, { io, parts, stop }: { io: Io; parts: Parts; stop: StopSignals }): Promise<number> {
  if (routed.help) {
    io.stdout.write(renderHelp(routed.command, io.stdout.columns))
    const word = routed.args.find(arg => !arg.startsWith('-'))
    if (routed.command === 'intercept' && word !== undefined && !word.includes('/'))
      io.stderr.write(`there is no command ${quoted(word)}: such a word is taken for a TARGET, and this is the help of intercepting\n`)
    return EXIT.OK
  }
  if (io.argv.length === 0) {
    io.stdout.write(`${renderHelp('intercept', io.stdout.columns)}\n`)
    throw badUsage('no target was named', NAME_ONE)
  }
  const command = routed.version ? 'version' : routed.command
  const raw = command === 'server' || command === 'sidecar'
  const { config, line } = await withConfig(command, routed, io)
  const args = await parse(raw || routed.version ? { ...routed, command, args: raw ? [] : outputOnly(routed.args) } : line)
  const verbosity = args.text('v')
  const level = verbosity === undefined ? undefined : levelOf(readWhole({ flag: '-v', text: verbosity }, { min: 0, max: 99, example: 4 }))
  const log = level === undefined ? silent : logger(logSink(io.stderr, systemClock), level)
  const context: CommandContext = { command, io, args, flagArgs: routed.args, clock: systemClock, log, stop, parts, config }
  const { run } = await COMMANDS[command].load()
  // A session that holds its target has no connection open, and all its timers let go: Node would take that for the end.
  const awake = systemClock.every(AWAKE_MS, () => {})
  try {
    return await run(context)
  } finally {
    awake.cancel()
  }
}

/** The longest that a timer of Node can be is some 24 days. */
const AWAKE_MS = 86_400_000

/** Commands that look into the cluster take settings from a file; nothing of that is loaded where there is none. */
async function withConfig(command: CommandName, routed: RoutedArgv, io: Io): Promise<{ config?: UsedConfig; line: RoutedArgv }> {
  const found = FROM_FILE.has(command) ? findConfig(io) : undefined
  if (found === undefined) return { line: routed }
  const { useConfig } = await import('./use-config.ts')
  const { used, routed: line } = await useConfig(found, routed)
  if (command !== 'intercept') {
    if (used.said !== undefined) io.stderr.write(`${printable(used.said)}\n`)
    for (const line of used.ignored) io.stderr.write(`warning: ${printable(line)}\n`)
  }
  return { config: used, line }
}

/** What `--version` among the flags of another command leaves of them. */
const outputOnly = (args: readonly string[]): string[] => args.filter(arg => arg.startsWith('--output='))

/** The command's own end, or shortly after a second Ctrl-C whatever it is doing. */
async function leaveAtOnce(running: Promise<number>, stop: StopSignals): Promise<number> {
  const left = new Promise<number>(resolve => {
    const onNow = (): void => {
      systemClock.after(UNWIND_MS, () => resolve(EXIT.SIGINT), { unref: true })
    }
    if (stop.now.aborted) onNow()
    else stop.now.addEventListener('abort', onNow, { once: true })
  })
  return Promise.race([running, left])
}

/** A reader that went away is a first Ctrl-C; listeners stay until the end, so that clean-up cannot die of a vanished terminal. */
function watchStreams(io: Io, stop: StopSignals): void {
  io.stdout.on('error', error => stop.requestDrain(errnoOf(error) ?? 'a failing stdout'))
  io.stderr.on('error', () => {}) // nowhere left to say it
}

function reportError(error: unknown, { io, stop, routed }: { io: Io; stop: StopSignals; routed: RoutedArgv | undefined }): number {
  if (isAbort(error) && (stop.drain.aborted || stop.now.aborted)) return stop.exitCode(EXIT.OK)
  const args = routed?.args ?? []
  if (args.findLast(arg => arg.startsWith('--output=')) === '--output=json') io.stderr.write(`${errorJson(error)}\n`)
  else {
    const stack = args.some(arg => /^--v=[4-9]|^--v=\d\d/.test(arg))
    io.stderr.write(renderError(error, { color: wantsColor(io.stderr, io.env), stack, reportUrl: REPORT_URL }))
  }
  // Every other status is the child's own.
  return routed?.child !== undefined && (routed.command === 'access' || routed.command === 'intercept')
    ? EXIT.BEFORE_CHILD
    : exitCodeFor(error)
}
