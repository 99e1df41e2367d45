/** Volumes that are followed: written again, whole, when what they are made of has changed. */
import path from 'node:path'
import type { Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { EventBody } from '../event/types.ts'
import { changedFiles, changesOf, sameFiles } from './changes.ts'
import { cannotWrite } from './failure.ts'
import type { LiveSources } from './live-sources.ts'
import type { MountRoot } from './mount-root.ts'
import type { Missing, PlannedMount } from './types.ts'
import { planVolumes } from './volume-plan.ts'
import { writeVolume } from './write-volume.ts'

export interface Place {
  /** As it was written last. */
  planned: PlannedMount
  root: MountRoot
  /** Below the root. */
  at: string
}

export interface RewritingOptions {
  container: Parameters<typeof planVolumes>[1]
  /** What was lacking from the start, and told. */
  missing: readonly Missing[]
  clock: Clock
  log: Logger
  /** One line for the person: something changed while the session runs. */
  say: (line: string) => void
  /** Each file that was written again, or removed. */
  onChanged?: ((change: EventBody<'mount.changed'>) => void) | undefined
}

export class Rewriting {
  readonly #options: RewritingOptions
  readonly #places: Place[] = []
  #sources: LiveSources | undefined
  #writing: Promise<void> | undefined
  #again = false
  #ended = false

  constructor(options: RewritingOptions) {
    this.#options = options
  }

  follow(place: Place): void {
    this.#places.push(place)
  }

  /** One at a time; changes that come meanwhile are written once more after it. */
  changed(sources: LiveSources): void {
    this.#sources = sources
    this.#again = true
    if (this.#writing === undefined && !this.#ended) this.#writing = this.#writeAll()
  }

  /** Nothing is begun any more. Resolves when what was begun is written. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#writing
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
    const { container, missing, clock, say, log } = this.#options
    const sources = this.#sources
    if (sources === undefined) return
    const plan = planVolumes(sources.pod, container, sources)
    for (const place of this.#places) {
      const planned = plan.mounts.find(mount => mount.path === place.planned.path)
      if (planned === undefined || sameFiles(planned, place.planned)) continue
      // As in the kubelet: a volume that lacks something keeps what it had.
      const lacking = plan.missing.find(({ what }) => isOf(what, planned.path) && !missing.some(known => known.what === what))
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
      this.#options.onChanged?.({ path: path.join(place.root.path, place.at, name), source, version: versionOf(source, sources) })
  }
}

const isOf = (what: string, mount: string): boolean => what === mount || what.startsWith(`${mount}/`)

/** Of the object behind `configmap/app:app.yaml`; empty for what is no object. */
function versionOf(source: string, sources: LiveSources): string {
  const [, kind, name = ''] = /^(configmap|secret)\/([^:]+)/.exec(source) ?? []
  const read = kind === 'configmap' ? sources.configMap(name) : kind === 'secret' ? sources.secret(name) : undefined
  return read === undefined || 'problem' in read ? '' : (read.version ?? '')
}
