/**
 * A live copy of a list: list, then watch from there with bookmarks. A watch ends often (timeouts, restarts, resets): `once` is one of them,
 * the loop goes on from the last version, or lists again when that is too old (410).
 */
import type { IncomingMessage } from 'node:http'
import { type Backoff, backoff } from '../base/backoff.ts'
import { closeOnce, deferred } from '../base/closable.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { asError, InterceptError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { type ApiClient, readText } from './api-client.ts'
import { statusError } from './errors.ts'
import { listAll } from './list.ts'
import { RESOURCES, resourcePath, selectors, shapeObject, withQuery } from './resources.ts'
import type { Kind, ListOptions, ObjectsByKind, Watch } from './types.ts'
import { type WatchEvent, WatchStore } from './watch-store.ts'

export interface WatchSettings {
  /** The server ends a watch after this long, so that a dead link shows as silence beyond it. */
  timeoutSeconds: number
  /** How much longer than that we wait. */
  graceMs: number
  /** Attempts at the first list before `ready` rejects. */
  firstAttempts: number
  minDelayMs: number
  maxDelayMs: number
}

export const WATCH_SETTINGS: WatchSettings = { timeoutSeconds: 45, graceMs: 10_000, firstAttempts: 4, minDelayMs: 200, maxDelayMs: 5_000 }

export interface WatchContext {
  client: ApiClient
  clock: Clock
  log: Logger
  settings: WatchSettings
}

const MAX_LINE_BYTES = 32 * 1024 * 1024

/** The watch is over for good, and `ready` rejects, when the first list is refused (401, 403, credentials) or fails four times. */
export function startWatch<K extends Kind>(
  context: WatchContext,
  what: { kind: K; options: ListOptions },
  onChange: (items: ObjectsByKind[K][]) => void
): Watch {
  const watcher = new Watcher<K>(context, what, onChange)
  const running = watcher.run()
  return {
    ready: watcher.ready.promise,
    close: closeOnce(async () => {
      watcher.stop.abort(new Error('the watch is closed'))
      await running
    })
  }
}

class Watcher<K extends Kind> {
  readonly ready = deferred<void>()
  readonly stop = new AbortController()
  readonly #store = new WatchStore<ObjectsByKind[K]>()
  readonly #context: WatchContext
  readonly #kind: K
  readonly #options: ListOptions
  readonly #onChange: (items: ObjectsByKind[K][]) => void
  #listed = false
  /** The next round begins with a list. */
  #stale = true
  #announcing = false

  constructor(context: WatchContext, what: { kind: K; options: ListOptions }, onChange: (items: ObjectsByKind[K][]) => void) {
    this.#context = { ...context, log: context.log.child(`watch.${what.kind}`) }
    this.#kind = what.kind
    this.#options = what.options
    this.#onChange = onChange
    what.options.signal?.addEventListener('abort', () => this.stop.abort(what.options.signal?.reason), {
      once: true,
      signal: this.stop.signal
    })
    if (what.options.signal?.aborted === true) this.stop.abort(what.options.signal.reason)
  }

  async run(): Promise<void> {
    const { clock, log, settings } = this.#context
    const delays = backoff({ minMs: settings.minDelayMs, maxMs: settings.maxDelayMs, jitter: 0.5 })
    for (let attempt = 1; !this.stop.signal.aborted; attempt += 1) {
      const startedAt = clock.now()
      const problem = await this.#once().then(() => undefined, asError)
      if (this.stop.signal.aborted) break
      if (problem !== undefined && !this.#listed && (refused(problem) || attempt >= settings.firstAttempts)) {
        this.ready.reject(problem)
        return
      }
      if (problem !== undefined) log.info('watch interrupted', { error: problem })
      if (!(await this.#pause(delays, clock.now() - startedAt))) break
    }
    this.ready.reject(this.stop.signal.reason)
  }

  /** False when stopped meanwhile. A server that closes cleanly but at once is not asked in a hot loop either. */
  async #pause(delays: Backoff, livedMs: number): Promise<boolean> {
    delays.lived(livedMs)
    try {
      await sleep(this.#context.clock, delays.next(), this.stop.signal)
      return true
    } catch {
      return false
    }
  }

  async #once(): Promise<void> {
    if (this.#stale) await this.#list()
    await this.#watch()
  }

  async #list(): Promise<void> {
    const { items, resourceVersion } = await listAll(this.#context.client, this.#kind, { ...this.#options, signal: this.stop.signal })
    const changed = this.#store.replace(items, resourceVersion)
    this.#stale = false
    if (changed || !this.#listed) this.#announce()
    this.#listed = true
    this.ready.resolve()
  }

  async #watch(): Promise<void> {
    this.stop.signal.throwIfAborted()
    const { client, clock, settings } = this.#context
    const link = new AbortController()
    const onStop = (): void => link.abort(this.stop.signal.reason)
    this.stop.signal.addEventListener('abort', onStop, { once: true })
    const silent = (): void => link.abort(new Error('the watch went silent'))
    const limit = clock.after(settings.timeoutSeconds * 1000 + settings.graceMs, silent, { unref: true })
    try {
      const answer = await client.send({ method: 'GET', path: this.#path(), headers: { Accept: 'application/json' }, signal: link.signal })
      if (answer.statusCode !== 200) await this.#refusal(answer)
      await this.#read(answer)
    } finally {
      limit.cancel()
      this.stop.signal.removeEventListener('abort', onStop)
      link.abort()
    }
  }

  #path(): string {
    return withQuery(resourcePath(this.#kind, this.#options.namespace), {
      ...selectors(this.#options),
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: this.#store.resourceVersion,
      timeoutSeconds: this.#context.settings.timeoutSeconds
    })
  }

  async #refusal(answer: IncomingMessage): Promise<never> {
    const status = answer.statusCode ?? 0
    const body = await readText(answer)
    // 410: too old. 504: a version from the future, after a restored backup. A list is the right answer to anything else, too.
    this.#stale = true
    throw statusError(
      status,
      body,
      { verb: 'watch', resource: RESOURCES[this.#kind].full, namespace: this.#options.namespace },
      this.#context.client
    )
  }

  async #read(answer: IncomingMessage): Promise<void> {
    let rest: Buffer = Buffer.alloc(0)
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      // Byte 10 is never part of another character in UTF-8, so lines may be cut before they are decoded.
      let bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
        if (end > 0) this.#apply(JSON.parse(bytes.toString('utf8', 0, end)) as WatchEvent<ObjectsByKind[K]>)
        bytes = bytes.subarray(end + 1)
      }
      if (bytes.length > MAX_LINE_BYTES) throw new Error('a watch event is too large')
      rest = bytes
    }
  }

  #apply(event: WatchEvent<ObjectsByKind[K]>): void {
    if (event.type === 'ERROR') {
      // 410: the version we know has been compacted away. Anything else is answered the same way, a list is always right.
      this.#stale = true
      throw new Error(`the watch ended: ${event.object.code ?? ''} ${event.object.message ?? ''}`.trim())
    }
    shapeObject(event.object)
    if (this.#store.apply(event)) this.#announce()
  }

  /** Once for all events that are already here. */
  #announce(): void {
    if (this.#announcing) return
    this.#announcing = true
    queueMicrotask(() => {
      this.#announcing = false
      if (!this.stop.signal.aborted) this.#onChange(this.#store.items)
    })
  }
}

const FINAL = new Set(['CLUSTER_FORBIDDEN', 'CLUSTER_UNAUTHORIZED', 'CLUSTER_CREDENTIALS', 'KUBECONFIG_INVALID'])

const refused = (error: Error): boolean => error instanceof InterceptError && FINAL.has(error.code)
