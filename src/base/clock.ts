/** The only place that reads the time or starts a timer. Policies take a `Clock`, so that tests drive it by hand. */

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds. */
  now(): number
  /** Wall clock, for `at` fields and sleep detection. */
  date(): Date
  /** One shot. Unref'd timers do not keep the process alive. */
  after(ms: number, run: () => void, options?: { unref?: boolean }): Timer
  every(ms: number, run: () => void, options?: { unref?: boolean }): Timer
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  after(ms, run, options = {}) {
    const handle = setTimeout(run, ms)
    if (options.unref === true) handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
  every(ms, run, options = {}) {
    const handle = setInterval(run, ms)
    if (options.unref === true) handle.unref()
    return { cancel: () => clearInterval(handle) }
  }
}

/** Resolves after `ms`; rejects with the signal's reason when aborted first. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Sleeps until the signal aborts or `unless` resolves; never rejects. */
export async function pause(
  clock: Clock,
  ms: number,
  { signal, unless }: { signal: AbortSignal; unless: Promise<void> | undefined }
): Promise<void> {
  const enough = new AbortController()
  void unless?.then(() => enough.abort())
  await sleep(clock, ms, AbortSignal.any([signal, enough.signal])).catch(() => {}) // aborted: whoever waits looks why
}

/**
 * A signal that aborts with `reason()` after `ms`, or with the parent's reason when that aborts first.
 * Call `done()` when the work ended, so that no timer and no listener stays behind.
 */
export function deadline(clock: Clock, ms: number, reason: () => Error, parent?: AbortSignal): { signal: AbortSignal; done: () => void } {
  const controller = new AbortController()
  const onAbort = (): void => controller.abort(parent?.reason)
  if (parent?.aborted === true) onAbort()
  parent?.addEventListener('abort', onAbort, { once: true })
  const timer = clock.after(ms, () => controller.abort(reason()))
  return {
    signal: controller.signal,
    done: () => {
      timer.cancel()
      parent?.removeEventListener('abort', onAbort)
    }
  }
}
