/** Polls until an assertion holds, instead of sleeping. */

export interface EventuallyOptions {
  timeoutMs?: number
  intervalMs?: number
}

/** Runs `check` until it neither throws nor returns false; throws its last error (or a timeout) when the time is up. */
export async function eventually<T>(check: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { timeoutMs = 10_000, intervalMs = 5 } = options
  const end = performance.now() + timeoutMs
  for (;;) {
    let failure: unknown = new Error(`not true within ${timeoutMs} ms: ${check.toString().slice(0, 200)}`)
    try {
      const value = await check()
      if (value !== false) return value
    } catch (error) {
      failure = error
    }
    if (performance.now() >= end) throw failure
    await new Promise(resolve => {
      setTimeout(resolve, intervalMs)
    })
  }
}
