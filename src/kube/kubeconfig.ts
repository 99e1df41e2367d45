/**
 * Finds and merges kubeconfig files and applies kubectl's flags: `--kubeconfig`, else the list in $KUBECONFIG, else ~/.kube/config, else the
 * service account of the pod we run in. Gives one `ClusterAccess`; nothing is contacted. Reference: client-go tools/clientcmd.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { errnoOf, InterceptError } from '../base/errors.ts'
import { nearest } from '../base/format.ts'
import { inClusterAccess } from './in-cluster.ts'
import {
  type ClusterEntry,
  type ContextEntry,
  emptyKubeconfig,
  type KubeconfigFile,
  parseKubeconfig,
  type UserEntry
} from './kubeconfig-file.ts'
import { overrideCluster, overrideUser } from './kubeconfig-overrides.ts'

export interface KubeFlags {
  kubeconfig?: string | undefined
  context?: string | undefined
  cluster?: string | undefined
  user?: string | undefined
  namespace?: string | undefined
  server?: string | undefined
  token?: string | undefined
  username?: string | undefined
  password?: string | undefined
  certificateAuthority?: string | undefined
  clientCertificate?: string | undefined
  clientKey?: string | undefined
  insecureSkipTlsVerify?: boolean | undefined
  tlsServerName?: string | undefined
  as?: string | undefined
  asGroup?: readonly string[] | undefined
  asUid?: string | undefined
  /** As kubectl: `1s`, `2m`, `1h`, a number of seconds, `0` = none. */
  requestTimeout?: string | undefined
  disableCompression?: boolean | undefined
}

export type Env = Readonly<Record<string, string | undefined>>

/** Where the API server is and who we are, as written; files are not read yet. */
export interface ClusterAccess {
  context: string
  clusterName: string
  userName: string
  namespace: string
  cluster: ClusterEntry & { server: string }
  user: UserEntry
}

/** Throws KUBECONFIG_INVALID. */
export async function loadClusterAccess(flags: KubeFlags, env: Env, home: string): Promise<ClusterAccess> {
  const { config, sources } = await loadMerged(flags, env, home)
  if (isEmpty(config) && flags.context === undefined && flags.server === undefined) {
    const inside = await inClusterAccess(env)
    if (inside !== undefined) return { ...inside, namespace: flags.namespace ?? inside.namespace, user: overrideUser(inside.user, flags) }
    throw new InterceptError('KUBECONFIG_INVALID', `no kubeconfig found (looked at ${sources.join(', ')})`, {
      hint: 'name one with --kubeconfig FILE, or set KUBECONFIG',
      details: { sources }
    })
  }
  return select(config, flags, sources)
}

/** The files in order of precedence. A file named by `--kubeconfig` must exist; the others are skipped when missing. */
export async function loadMerged(flags: KubeFlags, env: Env, home: string): Promise<{ config: KubeconfigFile; sources: string[] }> {
  if (flags.kubeconfig !== undefined && flags.kubeconfig !== '') {
    const text = await readConfig(flags.kubeconfig)
    if (text === undefined) {
      throw new InterceptError('KUBECONFIG_INVALID', `kubeconfig ${flags.kubeconfig}: no such file`, {
        hint: `see whether it is there: ls -l ${flags.kubeconfig}`
      })
    }
    return { config: parseKubeconfig(text, flags.kubeconfig), sources: [flags.kubeconfig] }
  }
  const listed = [...new Set((env['KUBECONFIG'] ?? '').split(path.delimiter).filter(name => name !== ''))]
  const sources = listed.length > 0 ? listed : [path.join(home, '.kube', 'config')]
  const config = emptyKubeconfig()
  for (const file of sources) {
    const text = await readConfig(file)
    if (text !== undefined) mergeInto(config, parseKubeconfig(text, file))
  }
  return { config, sources }
}

async function readConfig(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new InterceptError('KUBECONFIG_INVALID', `kubeconfig ${file} cannot be read (${code ?? 'unknown reason'})`, {
      hint: `ls -l ${file}`,
      cause: error
    })
  }
}

/** The first file that has a name or the current context wins; entries are never mixed. */
export function mergeInto(into: KubeconfigFile, next: KubeconfigFile): void {
  into.currentContext ??= next.currentContext
  for (const [name, entry] of next.clusters) if (!into.clusters.has(name)) into.clusters.set(name, entry)
  for (const [name, entry] of next.users) if (!into.users.has(name)) into.users.set(name, entry)
  for (const [name, entry] of next.contexts) if (!into.contexts.has(name)) into.contexts.set(name, entry)
}

const isEmpty = (config: KubeconfigFile): boolean =>
  config.clusters.size === 0 && config.users.size === 0 && config.contexts.size === 0 && config.currentContext === undefined

function select(config: KubeconfigFile, flags: KubeFlags, sources: string[]): ClusterAccess {
  const contextName = flags.context ?? config.currentContext ?? ''
  const context = pickContext(config, contextName, sources)
  const clusterName = flags.cluster ?? context.cluster
  const userName = flags.user ?? context.user
  const cluster = overrideCluster(
    pick(config.clusters, { what: 'cluster', name: clusterName, required: flags.server === undefined, sources }),
    flags
  )
  const user = overrideUser(pick(config.users, { what: 'user', name: userName, required: userName !== '', sources }), flags)
  if (cluster.server === undefined) {
    throw new InterceptError('KUBECONFIG_INVALID', `cluster "${clusterName}" in ${sources.join(', ')} has no server`, {
      hint: `kubectl config set-cluster ${clusterName} --server=https://…`
    })
  }
  return {
    context: contextName,
    clusterName,
    userName,
    namespace: flags.namespace ?? context.namespace ?? 'default',
    cluster: { ...cluster, server: cluster.server },
    user
  }
}

function pickContext(config: KubeconfigFile, name: string, sources: string[]): ContextEntry {
  const none: ContextEntry = { cluster: '', user: '', namespace: undefined }
  if (name === '') {
    return none
  }
  return pick(config.contexts, { what: 'context', name, required: true, sources }) ?? none
}

interface Wanted {
  what: 'context' | 'cluster' | 'user'
  name: string
  required: boolean
  sources: string[]
}

function pick<T>(entries: Map<string, T>, { what, name, required, sources }: Wanted): T | undefined {
  const entry = entries.get(name)
  if (entry !== undefined || !required) return entry
  const list = { context: 'get-contexts', cluster: 'get-clusters', user: 'get-users' }[what]
  if (name === '') {
    throw new InterceptError('KUBECONFIG_INVALID', `no current context is set in ${sources.join(', ')}`, {
      hint: 'kubectl config get-contexts; then name one with --context'
    })
  }
  const near = nearest(name, entries.keys())
  throw new InterceptError('KUBECONFIG_INVALID', `${what} "${name}" does not exist in ${sources.join(', ')}`, {
    hint: `${near.length > 0 ? `did you mean ${near.join(', ')}? ` : ''}kubectl config ${list}`,
    details: { [what]: name, nearest: near }
  })
}
