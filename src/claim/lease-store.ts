/** The Leases of one tunnel in the cluster: followed by a watch, or by asking again where watching is forbidden; written by compare-and-swap. */
import { type Closable, closeAll, closeOnce } from '../base/closable.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import { asError } from '../base/errors.ts'
import type { Cluster, Lease } from '../kube/types.ts'
import { type Asker, type ClaimRecord, leaseFromRecord, type LeasePlace, readLease, type SeenLease, TUNNEL_LABEL } from './lease.ts'

export type LeaseCluster = Pick<Cluster, 'get' | 'list' | 'watch' | 'createLease' | 'replaceLease' | 'deleteLease' | 'canI'>

export interface LeaseStore extends Closable {
  list(signal?: AbortSignal): Promise<SeenLease[]>
  /** Tells the whole list whenever it changed. */
  follow(onChange: (seen: SeenLease[]) => void): void
  find(name: string): Promise<SeenLease | undefined>
  /** Undefined when there is one of that name. */
  create(name: string, record: ClaimRecord): Promise<SeenLease | undefined>
  /** Undefined when it was changed meanwhile. Renews it. */
  replace(seen: SeenLease, record: ClaimRecord): Promise<SeenLease | undefined>
  /** Adds who asks; its renewal stays as it was. Undefined when it was changed meanwhile. */
  ask(seen: SeenLease, asker: Asker): Promise<SeenLease | undefined>
  /** False when it was changed meanwhile. */
  remove(seen: SeenLease): Promise<boolean>
}

export interface LeaseStoreOptions {
  cluster: LeaseCluster
  place: LeasePlace
  clock: Clock
  log: Logger
  /** Undefined: watch. */
  pollMs: number | undefined
}

export function leaseStore({ cluster, place, clock, log, pollMs }: LeaseStoreOptions): LeaseStore {
  const { namespace, tunnel } = place
  const options = { namespace, labelSelector: `${TUNNEL_LABEL}=${tunnel}` }
  const following: Closable[] = []
  const read = (lease: Lease | undefined): SeenLease | undefined => (lease === undefined ? undefined : readLease(lease))
  const readAll = (leases: readonly Lease[]): SeenLease[] => leases.map(readLease).filter(each => each !== undefined)
  const list: LeaseStore['list'] = async signal => readAll(await cluster.list('leases', { ...options, signal }))
  const close = closeOnce(() => closeAll(following))

  return {
    list,
    follow(onChange) {
      if (pollMs === undefined) {
        const watch = cluster.watch('leases', options, leases => onChange(readAll(leases)))
        watch.ready.catch((error: unknown) => log.info('claims cannot be watched', { error: asError(error) }))
        following.push(watch)
        return
      }
      const stop = new AbortController()
      const ask = (): void => {
        list(stop.signal).then(
          seen => stop.signal.aborted || onChange(seen),
          (error: unknown) => log.debug('claims not read', { error: asError(error) })
        )
      }
      const timer = clock.every(pollMs, ask, { unref: true })
      following.push({
        async close() {
          timer.cancel()
          stop.abort(new Error('closed'))
        }
      })
    },
    find: async name => read(await cluster.get('leases', namespace, name)),
    create: async (name, record) => read(await cluster.createLease(leaseFromRecord(name, { record, now: clock.date() }, place))),
    async replace({ lease, asker, record: before }, record) {
      const { name, resourceVersion: version } = lease.metadata
      // Whoever asked the one before did not ask us.
      const asked = before.session === record.session ? asker : undefined
      return read(await cluster.replaceLease(leaseFromRecord(name, { record, now: clock.date(), asker: asked, version }, place)))
    },
    async ask({ lease, record }, asker) {
      const { name, resourceVersion: version } = lease.metadata
      const asked = leaseFromRecord(name, { record, now: clock.date(), asker, version }, place)
      const owners = lease.metadata.ownerReferences
      const metadata = { ...asked.metadata, ...(owners === undefined ? {} : { ownerReferences: owners }) }
      return read(await cluster.replaceLease({ metadata, spec: lease.spec }))
    },
    remove: ({ lease }) => cluster.deleteLease(lease),
    close
  }
}
