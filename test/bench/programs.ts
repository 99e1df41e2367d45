/** The origin and the visitors, each a process of its own: what they cost shall not count for the agent. */
import { type Program, startProgram } from '../harness/child.ts'
import { eventually } from '../harness/eventually.ts'
import { peerProgram } from '../harness/gost.ts'
import type { Load, LoadResult } from './load.ts'

export async function startOrigin(): Promise<{ program: Program; port: number }> {
  const program = await startProgram(peerProgram('load'), ['origin'])
  const port = await eventually(() => {
    const found = /listening (\d+)/.exec(program.log())?.[1]
    if (found === undefined) throw new Error(`the origin did not start: ${program.log()}`)
    return Number(found)
  })
  return { program, port }
}

/** Runs the visitors; a failed request fails the whole measurement, or fast failures would look like speed. */
export async function runVisitors(load: Load): Promise<LoadResult> {
  await using program = await startProgram(peerProgram('load'), ['visitors', JSON.stringify(load)])
  const status = await program.ended
  if (status !== 0) throw new Error(`the visitors ended with status ${status}: ${program.log()}`)
  const result = JSON.parse(program.log()) as LoadResult
  if (result.errors > 0 || result.requests === 0) throw new Error(`${result.errors} of ${result.errors + result.requests} requests failed`)
  return result
}
