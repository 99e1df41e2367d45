/**
 * Settings that come from files, made anew when one of the files changes. The files are read again and again and compared, which sees every kind of
 * change: edits, renames, and the swapped link under which Kubernetes mounts a ConfigMap or Secret. What looks the same twice counts, so that a file is
 * not taken while it is being written. Settings that cannot be made keep the ones before.
 */
import { type Closable, closeOnce } from '../base/closable.ts'
import type { Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'

type ReadFile = (path: string) => string

export interface Followed<T> extends Closable {
  readonly settings: T
  /** Calls with the settings made from changed files, until it is closed. */
  follow(apply: (settings: T) => void): void
}

const LOOK_MS = 1_000

/** Throws what `make` throws. */
export function followFiles<T>(make: (readFile: ReadFile) => T, options: { readFile: ReadFile; clock: Clock; log: Logger }): Followed<T> {
  const { readFile, clock, log } = options
  const paths = new Set<string>()
  const made = (): T =>
    make(path => {
      paths.add(path)
      return readFile(path)
    })
  const settings = made()
  const look = (): Map<string, string> => new Map([...paths].map(path => [path, textOf(path, readFile)]))
  let applied = look()
  let before = applied
  const stop = new AbortController()
  return {
    settings,
    follow(apply) {
      if (paths.size === 0 || stop.signal.aborted) return
      const timer = clock.every(
        LOOK_MS,
        () => {
          const seen = look()
          const settled = changedBetween(before, seen).length === 0
          before = seen
          const files = changedBetween(applied, seen).join(', ')
          if (!settled || files === '') return
          applied = seen
          try {
            apply(made())
            log.info('files changed: new settings are in force', { files })
          } catch (error) {
            log.error('files changed, and cannot be used: the settings stay as they were', { files, error: asError(error) })
          }
        },
        { unref: true }
      )
      stop.signal.addEventListener('abort', () => timer.cancel(), { once: true })
    },
    close: closeOnce(async () => stop.abort())
  }
}

const changedBetween = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] =>
  [...after].filter(([path, text]) => before.get(path) !== text).map(([path]) => path)

function textOf(path: string, readFile: ReadFile): string {
  try {
    return readFile(path)
  } catch (error) {
    return `cannot be read: ${asError(error).message}`
  }
}
