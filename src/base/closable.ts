/** Things that live: `close()` is idempotent and returns the same promise; `closed` tells why it ended. */
import { together } from './together.ts'

export interface Closable {
  close(): Promise<void>
}

/** Makes an idempotent close out of the work to do once. */
export function closeOnce(work: () => Promise<void> | void): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= Promise.resolve().then(work)
    return running
  }
}

/** A promise with its handles, for `ready` and `closed` fields. Never leaves an unhandled rejection behind. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  promise.catch(() => {}) // whoever awaits it still sees the rejection
  return { promise, resolve, reject }
}

/** Closes all, keeps going past failures, and throws the first one at the end. */
export async function closeAll(things: Iterable<Closable>): Promise<void> {
  await together([...things].map(thing => thing.close()))
}
