/** A container's files in folders of this machine, for as long as a session runs: planned, written, copied, followed, taken away. */
import path from 'node:path'
import { type Closable, closeOnce, deferred } from '../base/closable.ts'
import { asError } from '../base/errors.ts'
import type { Cluster } from '../kube/types.ts'
import { type CopyJob, copyJobs } from './copy-jobs.ts'
import { copyOut } from './copy-out.ts'
import { cannotWrite } from './failure.ts'
import { type Records, writeRecord } from './leftovers.ts'
import { type LiveSources, readLiveSources, type SourcesContext, type VolumeCluster } from './live-sources.ts'
import { type MountRoot, openRoot } from './mount-root.ts'
import { type Place, Rewriting, type RewritingOptions } from './rewriting.ts'
import type { Missing, VolumePlan } from './types.ts'
import { planVolumes } from './volume-plan.ts'
import { writeOnce } from './write-once.ts'
import { writeVolume } from './write-volume.ts'

export interface MountRequest extends Omit<SourcesContext, 'cluster'>, Pick<RewritingOptions, 'say' | 'onChanged'> {
  /** Absolute. Undefined: only copies. */
  root: string | undefined
  copies: readonly { from: string; to: string | undefined }[]
  records: Records
  uid: number | undefined
  platform: string
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

class Mount implements Mounted {
  readonly placed: Placed[] = []
  readonly missing: Missing[] = []
  readonly notes: string[] = []
  readonly close: () => Promise<void>
  readonly #closed = deferred<void>()
  readonly #cluster: VolumeCluster & Pick<Cluster, 'execStream'>
  readonly #request: MountRequest
  readonly #roots: { root: MountRoot; forget: () => Promise<void> }[] = []
  readonly #rewriting: Rewriting
  #sources: LiveSources | undefined

  constructor(cluster: VolumeCluster & Pick<Cluster, 'execStream'>, request: MountRequest) {
    this.#cluster = cluster
    this.#request = request
    this.#rewriting = new Rewriting({ ...request, container: request.target.container, missing: this.missing })
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
    sources.follow({ changed: () => this.#rewriting.changed(sources), say: this.#request.say })
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
        this.#rewriting.follow(place)
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

  async #end(): Promise<void> {
    await Promise.all([this.#rewriting.end(), this.#sources?.close()])
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
