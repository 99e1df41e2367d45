/**
 * As `Promise.all`, but all have ended when it does, and of several failures the first in the list is thrown:
 * what a user reads must not depend on which answer came first.
 */
export async function together<T extends readonly unknown[]>(work: readonly [...T]): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const failed = (await Promise.allSettled(work)).find(result => result.status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
  return await Promise.all(work)
}
