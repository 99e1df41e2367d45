/** The two things compared: the stock gost client, and this program as a person starts it. Both bind alone at 255 on the stock server. */
import { type Program, startProgram } from '../harness/child.ts'
import { eventually } from '../harness/eventually.ts'
import { startGostClient } from '../harness/gost.ts'
import { visit } from '../harness/visit.ts'
import { PROGRAM } from './start.ts'

export const AGENTS = ['gost', 'ours'] as const
export type AgentName = (typeof AGENTS)[number]

export interface World {
  readonly tunnelId: string
  /** Where agents dial: the server, or the slow line before it. */
  readonly tunnelPort: number
  readonly entrypoint: string
  readonly host: string
  /** The app's port. */
  readonly originPort: number
}

/** What a script gets, and what the figures are about. */
const AS_EVENTS = ['-o', 'json']

function start(name: AgentName, { tunnelId, tunnelPort, originPort }: World, flags: readonly string[]): Promise<Program> {
  if (name === 'gost') {
    const target = `127.0.0.1:${originPort}`
    return startGostClient({ version: 'ga', serverPort: tunnelPort, tunnelId, weight: 255, target, logLevel: 'error' })
  }
  const server = `ws://127.0.0.1:${tunnelPort}/proxy`
  return startProgram(process.execPath, [
    PROGRAM,
    '--tunnel-server',
    server,
    '--tunnel-id',
    tunnelId,
    '--port',
    String(originPort),
    ...flags
  ])
}

const status = async ({ entrypoint, host }: World): Promise<number> => (await visit(entrypoint, { host, timeoutMs: 5_000 })).status

/** Starts an agent on a tunnel that nobody serves, and waits until the first visitor is answered. */
export async function startAgent(
  name: AgentName,
  world: World,
  flags: readonly string[] = AS_EVENTS
): Promise<{ program: Program; firstAnswerMs: number }> {
  await eventually(async () => (await status(world)) === 503, { timeoutMs: 20_000, intervalMs: 20 })
  const started = performance.now()
  const program = await start(name, world, flags)
  try {
    await eventually(
      async () => {
        if (program.status() !== undefined) return true
        return (await status(world)) === 200
      },
      { timeoutMs: 20_000, intervalMs: 2 }
    )
    if (program.status() !== undefined) throw new Error(`it ended with status ${program.status()}`)
  } catch (error) {
    await program.stop()
    throw new Error(`${name} does not serve: ${String(error)}\n${program.log().slice(-2_000)}`, { cause: error })
  }
  return { program, firstAnswerMs: performance.now() - started }
}
