/** The parts of a Kubernetes pod that discovery reads: any client's objects fit by shape. */

export interface KeySelector {
  name?: string | undefined
  key: string
  optional?: boolean | undefined
}

export interface EnvEntry {
  name: string
  value?: string | undefined
  valueFrom?:
    | {
        configMapKeyRef?: KeySelector | undefined
        secretKeyRef?: KeySelector | undefined
        fieldRef?: { fieldPath: string } | undefined
        resourceFieldRef?: { resource: string } | undefined
      }
    | undefined
}

export interface EnvFromEntry {
  prefix?: string | undefined
  configMapRef?: { name?: string | undefined; optional?: boolean | undefined } | undefined
  secretRef?: { name?: string | undefined; optional?: boolean | undefined } | undefined
}

export interface ContainerSpec {
  name: string
  image?: string | undefined
  command?: readonly string[] | undefined
  args?: readonly string[] | undefined
  workingDir?: string | undefined
  env?: readonly EnvEntry[] | undefined
  envFrom?: readonly EnvFromEntry[] | undefined
  restartPolicy?: string | undefined
  volumeMounts?: readonly { name: string; mountPath: string; subPath?: string | undefined; subPathExpr?: string | undefined }[] | undefined
}

interface KeyToPath {
  key: string
  path: string
}

export interface VolumeSpec {
  name: string
  configMap?: { name?: string | undefined; items?: readonly KeyToPath[] | undefined } | undefined
  secret?: { secretName?: string | undefined; items?: readonly KeyToPath[] | undefined } | undefined
  projected?:
    | {
        sources?:
          | readonly {
              configMap?: { name?: string | undefined; items?: readonly KeyToPath[] | undefined } | undefined
              secret?: { name?: string | undefined; items?: readonly KeyToPath[] | undefined } | undefined
            }[]
          | undefined
      }
    | undefined
}

export interface PodSpec {
  containers: readonly ContainerSpec[]
  initContainers?: readonly ContainerSpec[] | undefined
  ephemeralContainers?: readonly ContainerSpec[] | undefined
  volumes?: readonly VolumeSpec[] | undefined
  enableServiceLinks?: boolean | undefined
}

/** The containers that run beside the app: native sidecars and debug containers included, init containers that end not. */
export const runningContainers = (pod: PodSpec): ContainerSpec[] => [
  ...pod.containers,
  ...(pod.initContainers ?? []).filter(container => container.restartPolicy === 'Always'),
  ...(pod.ephemeralContainers ?? [])
]

/** A ConfigMap's or Secret's keys as text, or why they cannot be read (`does not exist`, `may not be read`). */
export type ObjectData = { data: ReadonlyMap<string, string> } | { problem: string }

/** What lies outside the pod spec, looked up only when gost's configuration needs it. */
export interface Sources {
  configMap: (name: string) => ObjectData
  secret: (name: string) => ObjectData
  /** Downward API (`metadata.name`, `status.podIP`); undefined when not known. */
  field: (path: string) => string | undefined
  /** Service links (`PROXY_SERVICE_HOST`). */
  serviceVariable?: (name: string) => string | undefined
}

/** Nothing outside the pod spec can be read. */
export const noSources: Sources = {
  configMap: () => ({ problem: 'was not read' }),
  secret: () => ({ problem: 'was not read' }),
  field: () => undefined
}
