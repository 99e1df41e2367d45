/** A container's volumes as files: what each mount holds, where it comes from, and by name what is missing. */
import type { Allocatable } from '../resolve/resource-field.ts'
import type { Unread } from '../resolve/unread.ts'

export interface VolumeFile {
  /** Below the mount, with `/`; empty when the mount is this file (`subPath`). */
  path: string
  bytes: Buffer
  mode: number
  /** `configmap/app:app.yaml`, `secret/db:password`, `field:metadata.labels`, `token` … */
  source: string
  secret: boolean
}

/** A file, or all of a mount, that the container has and we cannot know. */
export interface Missing {
  /** `/etc/db/password`, or `/etc/db` for all of it. */
  what: string
  why: string
  source: string
  secret: boolean
  /** A command to type. */
  hint?: string
}

export interface PlannedMount {
  /** In the container. */
  path: string
  volume: string
  /** Set: one file or folder of the volume, which the kubelet binds once and never changes. */
  subPath: string | undefined
  files: VolumeFile[]
}

/** A mount whose files only the container has. */
export interface Elsewhere {
  path: string
  volume: string
  /** `emptyDir`, `persistentVolumeClaim` … */
  kind: string
  subPath: string | undefined
}

export interface VolumePlan {
  mounts: PlannedMount[]
  missing: Missing[]
  elsewhere: Elsewhere[]
}

export interface ObjectBytes {
  /** `resourceVersion`. */
  version?: string | undefined
  values: ReadonlyMap<string, Buffer>
}
export type ObjectRead = ObjectBytes | Unread

export interface TokenKey {
  audience: string
  expirationSeconds: number
}
export type TokenRead = { token: string } | Unread

export interface VolumeSources {
  configMap: (name: string) => ObjectRead
  secret: (name: string) => ObjectRead
  token: (wanted: TokenKey) => TokenRead
  allocatable: Allocatable
}
