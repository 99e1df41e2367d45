/**
 * First Ctrl-C drains, second leaves at once; SIGTERM and SIGHUP drain too and decide the exit code. A reader that closed stdout and a `leave`
 * from the control socket count as a first Ctrl-C. Nothing exits here.
 */
import type { Clock } from '../base/clock.ts'
import { EXIT } from '../base/errors.ts'
import { SIGNALS, type SignalName, type SignalSource } from './io.ts'

/** A wrapper (npm) forwards the signal that the terminal had sent to the whole group: two within this time are one. */
const SAME_PRESS_MS = 60

export interface StopSignals {
  /** Finish what runs, then end. */
  readonly drain: AbortSignal
  /** Leave everything. */
  readonly now: AbortSignal
  /** Counts as a first Ctrl-C; never as a second. */
  requestDrain(reason: string): void
  /** Counts as a second Ctrl-C. */
  leaveNow(): void
  /** The exit code that the signals ask for, given the code of the work itself: a failure keeps its own code. */
  exitCode(done: number): number
  /** Signals are a child's until the function is called that this returns: they count as no press. */
  lend(): () => void
  close(): void
}

const DRAINED: Readonly<Record<SignalName, number>> = { SIGINT: EXIT.OK, SIGTERM: EXIT.SIGTERM, SIGHUP: EXIT.SIGHUP }
const AT_ONCE: Readonly<Record<SignalName, number>> = { SIGINT: EXIT.SIGINT, SIGTERM: EXIT.SIGTERM, SIGHUP: EXIT.SIGHUP }

export function stopSignals(source: SignalSource, clock: Clock): StopSignals {
  const drain = new AbortController()
  const now = new AbortController()
  let first: SignalName | undefined
  let last: SignalName | undefined
  let lastAt = Number.NEGATIVE_INFINITY
  let lent = 0
  const onSignal = (name: SignalName): void => {
    if (lent > 0) return
    const at = clock.now()
    if (name === last && at - lastAt < SAME_PRESS_MS) return
    last = name
    lastAt = at
    if (first === undefined) {
      first = name
      drain.abort(abortReason(name))
    } else now.abort(abortReason(name))
  }
  const listeners = SIGNALS.map(name => [name, () => onSignal(name)] as const)
  for (const [name, listener] of listeners) source.on(name, listener)
  return {
    drain: drain.signal,
    now: now.signal,
    requestDrain: reason => drain.abort(abortReason(reason)),
    leaveNow() {
      last ??= 'SIGINT'
      drain.abort(abortReason('a second press'))
      now.abort(abortReason('a second press'))
    },
    exitCode(done) {
      if (now.signal.aborted && last !== undefined) return AT_ONCE[last]
      return done === EXIT.OK && first !== undefined ? DRAINED[first] : done
    },
    lend() {
      lent += 1
      let back = false
      return () => {
        if (!back) lent -= 1
        back = true
      }
    },
    close() {
      for (const [name, listener] of listeners) source.off(name, listener)
    }
  }
}

const abortReason = (cause: string): Error => new DOMException(`stopped by ${cause}`, 'AbortError')
