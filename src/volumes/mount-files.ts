/** A container's files in folders of this machine, for as long as a session runs: planned, written, copied, followed, taken away. */
import path from 'node:path'
import { type Closable, closeOnce, deferred } from '../base/closable.ts'
import { asError } from '../base/errors.ts'
import type { EventBody } from '../event/types.ts'
import type { Cluster } from '../kube/types.ts'
import { changedFiles, changesOf, sameFiles } from './changes.ts'
import { type CopyJob, copyJobs } from './copy-jobs.ts'
import { copyOut } from './copy-out.ts'
import { cannotWrite } from './failure.ts'
import { type Records, writeRecord } from './leftovers.ts'
import { type LiveSources, readLiveSources, type SourcesContext, type VolumeCluster } from './live-sources.ts'
import { type MountRoot, openRoot } from './mount-root.ts'
import type { Missing, PlannedMount, VolumePlan } from './types.ts'
import { planVolumes } from './volume-plan.ts'
import { writeOnce } from './write-once.ts'
import { writeVolume } from './write-volume.ts'

export interface MountRequest extends Omit<SourcesContext, 'cluster'> {
  /** Absolute. Undefined: only copies. */
  root: string | undefined
  copies: readonly { from: string; to: string | undefined }[]
  records: Records
  uid: number | undefined
  platform: string
  /** One line for the person: something changed while the session runs. */
  say: (line: string) => void
  /** Each file that was written again, or removed. */
  onChanged?: ((change: EventBody<'mount.changed'>) => void) | undefined
}

/** One mount or copy, for a line. */
export interface Placed {
  /** In the container. */
  path: string
  /** Here. */
  local: string
  volume: string
  files: { path: string; mode: number; source: string; secret: boolean }[]
  /** How many, and how large: of a copy only that is known. */
  copied?: { files: number; bytes: number }
  followed: boolean
}

export interface Mounted extends Closable {
  readonly root: string | undefined
  readonly placed: readonly Placed[]
  readonly missing: readonly Missing[]
  readonly notes: readonly string[]
  readonly closed: Promise<void>
}

/** Throws MOUNT_FAILED, and what the cluster threw; nothing is left then. */
export async function mountFiles(cluster: VolumeCluster & Pick<Cluster, 'execStream'>, request: MountRequest): Promise<Mounted> {
  const mount = new Mount(cluster, request)
  try {
    await mount.fill()
    request.signal.throwIfAborted()
    return mount
  } catch (error) {
    await mount.close().catch(() => {}) // the first failure is the one to tell
    throw error
  }
}

interface Place {
  planned: PlannedMount
  root: MountRoot
  /** Below the root. */
  at: string
}

class Mount implements Mounted {
  readonly placed: Placed[] = []
  readonly missing: Missing[] = []
  readonly notes: string[] = []
  readonly close: () => Promise<void>
  readonly #closed = deferred<void>()
  readonly #cluster: VolumeCluster & Pick<Cluster, 'execStream'>
  readonly #request: MountRequest
  readonly #roots: { root: MountRoot; forget: () => Promise<void> }[] = []
  readonly #places: Place[] = []
  #sources: LiveSources | undefined
  #writing: Promise<void> | undefined
  #again = false
  #ended = false

  constructor(cluster: VolumeCluster & Pick<Cluster, 'execStream'>, request: MountRequest) {
    this.#cluster = cluster
    this.#request = request
    this.close = closeOnce(() => this.#end())
  }

  get root(): string | undefined {
    return this.#roots[0]?.root.path
  }

  get closed(): Promise<void> {
    return this.#closed.promise
  }

  async fill(): Promise<void> {
    const { target } = this.#request
    // Before anything is asked of the cluster: a folder that cannot be used is the person's to mend.
    const main = this.#request.root === undefined ? undefined : await this.#open(this.#request.root)
    const sources = await readLiveSources({ ...this.#request, cluster: this.#cluster })
    this.#sources = sources
    const plan = planVolumes(target.pod, target.container, sources)
    if (main !== undefined) this.missing.push(...plan.missing)
    const elsewhere = await this.#copies(plan, main)
    if (main !== undefined) for (const planned of plan.mounts) await this.#place({ planned, root: main, at: planned.path.slice(1) })
    if (main !== undefined) this.#noteElsewhere(plan, elsewhere)
    sources.follow({ changed: () => this.#rewrite(), say: this.#request.say })
  }

  async #open(folder: string): Promise<MountRoot> {
    const { records, uid } = this.#request
    const root = await openRoot(folder, { pid: records.pid, uid })
    const opened = { root, forget: async () => {} }
    this.#roots.push(opened)
    opened.forget = await writeRecord(records, { root: root.path, nonce: root.nonce }).catch((error: unknown) => {
      throw cannotWrite(records.folder ?? '', error)
    })
    return root
  }

  /** Before the volumes, and the outermost first: a copy needs an empty place. Resolves with the volumes that were asked for. */
  async #copies(plan: VolumePlan, main: MountRoot | undefined): Promise<Set<string>> {
    const asked = new Set<string>()
    for (const job of copyJobs(this.#request, plan)) {
      asked.add(job.path)
      const root = job.to === undefined ? main : await this.#open(job.to)
      if (root === undefined) continue
      const planned =
        job.to === undefined ? undefined : plan.mounts.find(({ volume, subPath }) => volume === job.from && subPath === undefined)
      const at = job.to === undefined ? job.path.slice(1) : ''
      if (planned !== undefined) {
        if (main === undefined)
          this.missing.push(...plan.missing.filter(({ what }) => what === planned.path || what.startsWith(`${planned.path}/`)))
        await this.#place({ planned, root, at })
      } else if (!(job.to === undefined && plan.mounts.some(mount => mount.path === job.path))) await this.#copy(job, root, at)
    }
    return asked
  }

  async #copy(job: CopyJob, root: MountRoot, at: string): Promise<void> {
    const { target, platform, signal } = this.#request
    const { namespace = '', name = '' } = target.pod.metadata ?? {}
    const lacks = (why: string, hint?: string): void =>
      void this.missing.push({ what: job.path, why, source: 'container', secret: false, ...(hint === undefined ? {} : { hint }) })
    if (!target.exists) return lacks('it is only in a running container, and no pod runs now')
    const source = { cluster: this.#cluster, namespace, pod: name, container: job.container, platform, signal }
    const copied = await copyOut(source, job.path, { root, to: at })
    if ('problem' in copied) return lacks(copied.problem, copied.hint)
    const { files, bytes, notes } = copied
    this.placed.push({
      path: job.path,
      local: path.join(root.path, at),
      volume: job.from,
      files: [],
      copied: { files, bytes },
      followed: false
    })
    this.notes.push(...notes.map(note => `${job.path}: ${note}`))
  }

  async #place(place: Place): Promise<void> {
    const { planned, root, at } = place
    const single = planned.files.length === 1 && planned.files[0]?.path === ''
    const local = path.join(root.path, at)
    try {
      const folder = await root.folder(single ? parentOf(at) : at)
      if (planned.subPath === undefined) {
        await root.note({ volumes: [at] })
        const blocked = await writeVolume(folder, planned.files, this.#request.clock)
        for (const name of blocked) this.notes.push(`${path.join(local, name)} is there already, and was left alone`)
        this.#places.push(place)
      } else {
        const files = single ? planned.files.map(file => ({ ...file, path: path.posix.basename(at) })) : planned.files
        await writeOnce(root, single ? parentOf(at) : at, files)
      }
    } catch (error) {
      throw cannotWrite(local, error)
    }
    this.placed.push({
      path: planned.path,
      local,
      volume: planned.volume,
      files: planned.files.map(({ path: name, mode, source, secret }) => ({ path: name, mode, source, secret })),
      followed: planned.subPath === undefined
    })
  }

  #noteElsewhere({ elsewhere }: VolumePlan, asked: ReadonlySet<string>): void {
    for (const { path: where, volume, kind } of elsewhere)
      if (!asked.has(where))
        this.notes.push(
          `not included: ${where} (${kind} ${volume}), which only the container has; a copy of it: --mount ${volume}:./${volume}`
        )
  }

  /** One at a time; changes that come meanwhile are written once more after it. */
  #rewrite(): void {
    this.#again = true
    if (this.#writing === undefined && !this.#ended) this.#writing = this.#writeAll()
  }

  async #writeAll(): Promise<void> {
    while (this.#again && !this.#ended) {
      this.#again = false
      await this.#writeChanged()
    }
    // In the same turn as the last look at it: a change after this starts anew.
    this.#writing = undefined
  }

  async #writeChanged(): Promise<void> {
    const { target, clock, say, log } = this.#request
    const sources = this.#sources
    if (sources === undefined) return
    const plan = planVolumes(sources.pod, target.container, sources)
    for (const place of this.#places) {
      const planned = plan.mounts.find(mount => mount.path === place.planned.path)
      if (planned === undefined || sameFiles(planned, place.planned)) continue
      // As in the kubelet: a volume that lacks something keeps what it had.
      const lacking = plan.missing.find(({ what }) => isOf(what, planned.path) && !this.missing.some(known => known.what === what))
      if (lacking !== undefined) {
        say(`${planned.path} stays as it was: ${lacking.why}`)
        continue
      }
      try {
        await writeVolume(await place.root.folder(place.at), planned.files, clock)
        say(`${planned.path} changed: ${changesOf(place.planned, planned)}`)
        this.#tell(place, planned, sources)
        place.planned = planned
      } catch (error) {
        log.warn('a volume was not written', { error: asError(error) })
        say(`${planned.path} stays as it was: ${cannotWrite(path.join(place.root.path, place.at), error).message}`)
      }
    }
  }

  #tell(place: Place, planned: PlannedMount, sources: LiveSources): void {
    const { changed, removed } = changedFiles(place.planned, planned)
    for (const { path: name, source } of [...changed, ...removed])
      this.#request.onChanged?.({ path: path.join(place.root.path, place.at, name), source, version: versionOf(source, sources) })
  }

  async #end(): Promise<void> {
    this.#ended = true
    await this.#sources?.close()
    await this.#writing
    // Each on its own: a folder that cannot be removed keeps no other.
    const ends = await Promise.allSettled(this.#roots.map(opened => this.#giveBack(opened)))
    this.#closed.resolve()
    const failed = ends.find(end => end.status === 'rejected')
    if (failed !== undefined) throw asError(failed.reason)
  }

  async #giveBack({ root, forget }: { root: MountRoot; forget: () => Promise<void> }): Promise<void> {
    const left = await root.remove()
    await forget()
    if (left.length > 0) this.#request.say(`kept in ${root.path}, since it is not from the pod or was changed: ${left.join(', ')}`)
  }
}

const parentOf = (name: string): string => name.split('/').slice(0, -1).join('/')

const isOf = (what: string, mount: string): boolean => what === mount || what.startsWith(`${mount}/`)

/** Of the object behind `configmap/app:app.yaml`; empty for what is no object. */
function versionOf(source: string, sources: LiveSources): string {
  const [, kind, name = ''] = /^(configmap|secret)\/([^:]+)/.exec(source) ?? []
  const read = kind === 'configmap' ? sources.configMap(name) : kind === 'secret' ? sources.secret(name) : undefined
  return read === undefined || 'problem' in read ? '' : (read.version ?? '')
}
