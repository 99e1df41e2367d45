/** What is known of a container's environment: variables with where they come from, and by name what is missing. */
import type { Unread } from '../resolve/unread.ts'

export type { Container, Pod, Service } from '../resolve/objects.ts'

export interface Variable {
  name: string
  value: string
  /** `spec`, `configmap/app:LOG_LEVEL`, `secret/db:password`, `field:status.podIP`, `service/cart`, `image` … */
  source: string
  /** From a Secret, or made of something that is. */
  secret: boolean
}

/** A variable, or a group of them, that the container has and we cannot know. */
export interface Missing {
  /** `DB_PASSWORD`, or `all of Secret db`. */
  what: string
  /** Set when `what` is the name of one variable. */
  name?: string
  why: string
  source: string
  secret: boolean
  /** A command to type. */
  hint?: string
}

export interface EnvironmentPlan {
  variables: Variable[]
  missing: Missing[]
  /** Keys that the kubelet of this pod's node does not take for names, in its words. */
  skipped: string[]
}

/** A ConfigMap's or Secret's texts, and why a key has none. */
export interface ReadObject {
  values: ReadonlyMap<string, string>
  unusable: ReadonlyMap<string, string>
}

export type ObjectRead = ReadObject | Unread
