/** `kubectl intercept access`: the cluster's names from this machine, for a command or until Ctrl-C. */
import type { Access } from '../../access/open-access.ts'
import { EXIT } from '../../base/errors.ts'
import { singleQuoted } from '../../base/shell-quote.ts'
import { runAside } from '../aside.ts'
import { readAccessFlags } from '../access-options.ts'
import { connect } from '../connect.ts'
import type { CommandContext } from '../context.ts'
import { badUsage, quoted } from '../usage-error.ts'
import { limitYoungHeap } from '../young-heap.ts'
import { sendSignal } from '../send-signal.ts'

export async function run(context: CommandContext): Promise<number> {
  const { args, io } = context
  const [word] = args.words
  if (word !== undefined) {
    // Its flags were taken for ours.
    const typed = io.argv.slice(io.argv.indexOf(word))
    const isCommand = args.words.length > 1 && !word.includes('/')
    throw badUsage(
      `access takes no target, but was given ${quoted(word)}`,
      isCommand
        ? `a command stands behind --: kubectl intercept access -- ${typed.map(shown).join(' ')}`
        : `a port for it: kubectl intercept access --forward svc/${word.replace(/^(?:svc|services?)\//, '')}:80; a command: kubectl intercept access -- ${word}`
    )
  }
  if (args.child?.length === 0)
    throw badUsage('nothing stands after --', 'for example: kubectl intercept access -- curl http://cart/health')
  const flags = await readAccessFlags(context)
  const say = (line: string): void => void io.stderr.write(`${line}\n`)
  const cluster = await connect(context, say)
  const young = limitYoungHeap(context.clock)
  try {
    return await runAside(context, { kind: 'access', cluster }, async events => {
      const access = await flags.open(cluster, say, connection => events.emit('access.connection', connection))
      try {
        return await (args.child === undefined ? untilStopped(access, context, cluster.namespace) : runCommand(access, context, args.child))
      } finally {
        await access.close()
      }
    })
  } finally {
    young.cancel()
    await cluster.close()
  }
}

/** As a word of a shell. */
const shown = (text: string): string => (/^[\w:/.,@%+=-]+$/.test(text) ? text : singleQuoted(text))

/** Lines to export on stdout, so that they can be taken into a shell; the rest is for the person. */
async function untilStopped(access: Access, { io, stop }: CommandContext, namespace: string): Promise<number> {
  io.stderr.write(
    `namespace ${namespace} is reachable through ${access.socksUrl} and ${access.httpUrl} until Ctrl-C; for programs of another terminal:\n`
  )
  const lines = Object.entries(access.environment(io.env)).map(([name, value]) => `export ${name}=${shown(value)}\n`)
  io.stdout.write(lines.join(''))
  if (!stop.drain.aborted) await new Promise(resolve => stop.drain.addEventListener('abort', resolve, { once: true }))
  return EXIT.OK
}

async function runCommand(access: Access, { io, stop }: CommandContext, [file = '', ...args]: readonly string[]): Promise<number> {
  const { runChild } = await import('../../process/run-child.ts')
  if (stop.drain.aborted) return EXIT.OK
  // Ctrl-C means the command from here on, psql's running query for example.
  const giveBack = stop.lend()
  try {
    const { status, problem } = await runChild({
      file,
      args,
      env: { ...io.env, ...access.environment(io.env) },
      cwd: io.cwd,
      signals: io.signals,
      send: sendSignal,
      // `leave`: Ctrl-C is the command's own.
      stop: stop.drain,
      terminal: [io.stdin, io.stdout, io.stderr].some(stream => stream.isTTY === true)
    })
    if (problem !== undefined) io.stderr.write(`error: ${problem}\n`)
    return status
  } finally {
    giveBack()
  }
}
