/** What crashed sessions left on this machine is removed by the next one, and by `leave`. */
import { errnoOf } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { chooseDirectory, controlDirectories } from '../control/directory.ts'
import type { Records } from '../volumes/leftovers.ts'
import type { Io } from './io.ts'

/** EPERM: somebody else's, and so alive. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}

export async function mountRecords(io: Io): Promise<Records> {
  const { processStart } = await import('../volumes/leftovers.ts')
  return { folder: await chooseDirectory(io), pid: io.pid, startOf: processStart, isAlive }
}

/** One line for each folder. */
export async function cleanLeftovers(io: Io): Promise<string[]> {
  const { processStart, removeLeftovers } = await import('../volumes/leftovers.ts')
  const lines = await removeLeftovers(controlDirectories(io), { startOf: processStart, isAlive })
  return lines.map(line => printable(line))
}
