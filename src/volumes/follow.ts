/**
 * Single objects as they change: watched by name, so that a Role with `resourceNames` is enough; asked for every few seconds where `get` is allowed and
 * `watch` is not.
 */
import { type Closable, closeAll, closeOnce } from '../base/closable.ts'
import type { Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Cluster, ObjectsByKind } from '../kube/types.ts'
import { isForbidden } from '../resolve/inventory.ts'

const POLL_MS = 2_500

export type FollowedKind = 'configmaps' | 'secrets' | 'pods'

export interface Following {
  cluster: Pick<Cluster, 'watch' | 'get' | 'canI'>
  namespace: string
  clock: Clock
  log: Logger
}

export interface Wanted<K extends FollowedKind> {
  kind: K
  name: string
  /** Called with each state, the first one too; undefined: it does not exist. */
  tell: (object: ObjectsByKind[K] | undefined) => void
}

/** Ends with `close()` only; what cannot be read now is asked for again. */
export function followObject<K extends FollowedKind>(following: Following, wanted: Wanted<K>): Closable {
  const { cluster, namespace, log } = following
  const { kind, name, tell } = wanted
  const stop = new AbortController()
  let inner: Closable | undefined
  const start = async (): Promise<void> => {
    // A list that is allowed says nothing about the watch after it.
    const allowed = await cluster.canI('watch', kind, { namespace, name }).catch(() => undefined)
    if (stop.signal.aborted) return
    if (allowed === false) inner = poll(following, wanted)
    else {
      const options = { namespace, fieldSelector: `metadata.name=${name}`, signal: stop.signal }
      const watch = cluster.watch(kind, options, items => tell(items.find(item => item.metadata?.name === name)))
      inner = watch
      watch.ready.catch((error: unknown) => {
        if (stop.signal.aborted) return
        log.info('asking instead of watching', { kind, error: asError(error) })
        void watch.close()
        inner = poll(following, wanted)
      })
    }
  }
  const started = start()
  return {
    close: closeOnce(async () => {
      stop.abort()
      await started
      await inner?.close()
    })
  }
}

function poll<K extends FollowedKind>({ cluster, namespace, clock, log }: Following, { kind, name, tell }: Wanted<K>): Closable {
  const stop = new AbortController()
  let asking: Promise<void> | undefined
  const ask = async (): Promise<void> => {
    try {
      const object = await cluster.get(kind, namespace, name, stop.signal)
      if (!stop.signal.aborted) tell(object)
    } catch (error) {
      if (stop.signal.aborted) return
      log.info('not read', { kind, error: asError(error) })
      if (isForbidden(error)) timer.cancel()
    }
  }
  const timer = clock.every(POLL_MS, () => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
  })
  return {
    close: closeOnce(async () => {
      timer.cancel()
      stop.abort()
      await asking
    })
  }
}

export const followAll = (things: readonly Closable[]): Closable => ({ close: closeOnce(() => closeAll(things)) })
