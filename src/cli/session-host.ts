/** What surrounds a running session: its event stream, output, view and control socket. The session itself is given in. */
import { exitCodeFor, isAbort } from '../base/errors.ts'
import { eventStream } from '../event/stream.ts'
import { errorShape } from '../output/error.ts'
import { ExchangeStore } from '../capture/exchange-store.ts'
import { maskHeaders, showAll } from '../capture/mask.ts'
import type { Capture } from '../session/exchanges.ts'
import type { InterceptContext } from '../session/request.ts'
import { commandText } from './command-text.ts'
import { commandTable, type HostedCommands } from './command-table.ts'
import { confirmOn } from './confirm.ts'
import { connect } from './connect.ts'
import type { CommandContext } from './context.ts'
import { cleanLeftovers, isAlive } from './leftovers.ts'
import { type SessionOutput, sessionOutput } from './session-output.ts'
import type { RecordingFile } from './recording-file.ts'
import { startControl, viewOf } from './start-control.ts'
import { badUsage } from './usage-error.ts'
import { readChoice } from './values.ts'
import { VERSION } from './version.ts'
import { limitOldHeap, limitYoungHeap } from './young-heap.ts'

export interface HostOptions {
  format: 'plain' | 'json' | 'tui'
  /** A dry run has nothing to control. */
  control: boolean
  /** Stdout is a program's: lines go to stderr. */
  beside?: boolean
}

/** Runs a session; its error is the last JSON line, or thrown for `main` to render. */
export async function hostSession(
  context: CommandContext,
  options: HostOptions,
  run: (session: InterceptContext) => Promise<number>
): Promise<number> {
  const { io, clock, log, stop, command, flagArgs } = context
  const events = eventStream(`${io.pid}-${crypto.randomUUID().slice(0, 4)}`, clock)
  const view = viewOf(events)
  const commands = commandTable({ events, stop, targets: () => Object.keys(view().targets) })
  const capture = captureFor(options, context)
  const recording = options.control ? await recordingFor(capture, { context, events }) : undefined
  const output = await outputFor(options, { context, events, commands, capture })
  const written = await eventsFileFor(context, events)
  if (options.control) await sayLeftovers(io, events)
  const control = options.control ? await startControl(context, { commands, view, events }) : undefined
  const young = limitYoungHeap(clock)
  limitOldHeap()
  const clusters: { close(): Promise<void> }[] = []
  const warn = (message: string): void => events.emit('notice', { level: 'warn', code: 'CLUSTER', message })
  try {
    return await run({
      clock,
      log,
      events,
      drain: stop.drain,
      now: stop.now,
      async connect() {
        const cluster = await connect(context, warn)
        clusters.push(cluster)
        return cluster
      },
      confirm: confirmOn(io, stop.drain),
      commands,
      capture,
      ...(recording === undefined ? {} : { recording: recording.path }),
      user: io.user,
      version: VERSION,
      pid: io.pid,
      runs: isAlive,
      commandLine: commandText(command, flagArgs),
      controlPath: control?.path,
      memory: io.memory
    })
  } catch (error) {
    if (options.format !== 'json' || (isAbort(error) && stop.drain.aborted)) throw error
    events.emit('error', { ...errorShape(error), fatal: true })
    return exitCodeFor(error)
  } finally {
    young.cancel()
    commands.ended()
    await recording?.close()
    await Promise.all([output.flushed(), written?.close(), control?.close(), ...clusters.map(cluster => cluster.close())])
  }
}

/** Of one body, each way: what is larger cannot be sent again. */
const RECORDED_BODY_BYTES = 1_048_576

/** Exchanges are remembered where somebody will look at them again. */
function captureFor({ format }: HostOptions, { args }: CommandContext): Capture {
  const records = args.text('record') !== undefined
  const keeps = format === 'tui' || records
  return {
    off: readChoice({ flag: '--capture', text: args.text('capture') ?? 'on' }, ['on', 'off']) === 'off',
    ...(args.on('show-secrets') ? { mask: showAll } : {}),
    ...(keeps ? { store: new ExchangeStore(records ? { bodyBytes: RECORDED_BODY_BYTES } : {}) } : {})
  }
}

async function recordingFor(
  { store, mask = maskHeaders(), off }: Capture,
  { context: { args, io }, events }: Pick<OutputParts, 'context' | 'events'>
): Promise<RecordingFile | undefined> {
  const file = args.text('record')
  if (file === undefined || store === undefined) return undefined
  if (off === true) throw badUsage('--record needs the traffic that --capture off does not look at', 'leave one of the two out')
  const { recordTo } = await import('./recording-file.ts')
  return recordTo({ file, cwd: io.cwd, events, log: store, mask })
}

async function eventsFileFor(
  { args, io }: CommandContext,
  events: InterceptContext['events']
): Promise<{ close(): Promise<void> } | undefined> {
  const text = args.text('events')
  if (text === undefined) return undefined
  const [{ openLog }, { eventLines }] = await Promise.all([import('./open-log.ts'), import('../event/event-lines.ts')])
  const file = await openLog({ flag: '--events', text }, io)
  const out = file.createWriteStream()
  out.on('error', error => io.stderr.write(`warning: --events ends, since the file cannot be written (${error.message})\n`))
  const lines = eventLines(out)
  events.subscribe(lines.push)
  return {
    async close() {
      await lines.flushed()
      await new Promise<void>(resolve => out.end(resolve))
    }
  }
}

interface OutputParts {
  context: CommandContext
  events: InterceptContext['events']
  commands: HostedCommands
  capture: Capture
}

async function outputFor({ format, beside }: HostOptions, { context, events, commands, capture }: OutputParts): Promise<SessionOutput> {
  const { io, clock, stop, parts } = context
  if (format !== 'tui' || capture.store === undefined)
    return sessionOutput(format === 'json' ? 'json' : 'plain', events, beside === true ? { ...io, stdout: io.stderr } : io)
  const { screenOutput } = await import('./screen-output.ts')
  return screenOutput({
    events,
    io,
    clock,
    stop,
    store: capture.store,
    mask: capture.mask ?? maskHeaders(),
    actions: {
      run: async (command, args) => (await commands.run({ command, args }, 'tui')) ?? {},
      edit: async text =>
        (await import('../process/editor.ts')).editText(text, {
          env: io.env,
          suffix: '.http',
          tmpDir: io.tmp,
          signal: AbortSignal.any([stop.drain, stop.now])
        }),
      save: async (name, text) => (await import('./save-file.ts')).saveFile(name, text, io.cwd)
    },
    startTui: parts.startTui
  })
}

/** What cannot be cleaned is the next one's. */
async function sayLeftovers(io: CommandContext['io'], events: InterceptContext['events']): Promise<void> {
  const messages = await cleanLeftovers(io).catch(() => [])
  for (const message of messages) events.emit('notice', { level: 'info', code: 'LEFTOVERS', message })
}
