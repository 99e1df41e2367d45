/**
 * A signal for a program and all that it has started: a shell or npm that is ended leaves its own children behind, with their ports. They cannot be a
 * process group of their own, since a group that is not the terminal's cannot read from it.
 */
import { pidtree } from 'pidtree'
import { type Clock, sleep } from '../base/clock.ts'

/** False when it has ended; `0` only asks. */
export type SendSignal = (pid: number, name: NodeJS.Signals | 0) => boolean

const LOOK_MS = 50

/** Resolves with all that got it, the program first. */
export async function signalTree(pid: number, name: NodeJS.Signals, send: SendSignal): Promise<number[]> {
  // Without `ps` only the program itself is known.
  const below = await pidtree(pid).catch(() => [])
  return [pid, ...below].filter(each => send(each, name))
}

/** Resolves when none of them runs any more; those that still do when the time is over are killed. */
export async function awaitEnd(
  pids: readonly number[],
  { graceMs, clock, send }: { graceMs: number; clock: Clock; send: SendSignal }
): Promise<void> {
  const until = clock.now() + graceMs
  for (let left = pids.filter(pid => send(pid, 0)); left.length > 0; left = left.filter(pid => send(pid, 0))) {
    if (clock.now() >= until) {
      for (const pid of left) send(pid, 'SIGKILL')
      return
    }
    await sleep(clock, LOOK_MS)
  }
}
