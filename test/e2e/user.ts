/** A user with little rights: a ServiceAccount with a Role of its own, and a kubeconfig that holds nothing but its token. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { kubectl, type World } from './world.ts'

export interface Rule {
  verbs: string[]
  resources: string[]
  apiGroups?: string[]
  resourceNames?: string[]
}

/** Reads all that a plan is made of, and nothing else. */
export const READER: Rule[] = [
  { verbs: ['get', 'list', 'watch'], resources: ['pods', 'services', 'configmaps', 'secrets'] },
  { verbs: ['get', 'list', 'watch'], resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'], apiGroups: ['apps'] },
  { verbs: ['get', 'list', 'watch'], resources: ['ingresses'], apiGroups: ['networking.k8s.io'] },
  { verbs: ['get', 'list', 'watch'], resources: ['endpointslices'], apiGroups: ['discovery.k8s.io'] }
]

export interface User {
  /** As the API server calls it. */
  name: string
  /** A kubeconfig file for `--kubeconfig`. */
  kubeconfig: string
}

const folder = mkdtempSync(path.join(tmpdir(), 'intercept-users-'))

/** Grants exactly these rules in the world's namespace, or a ClusterRole there. */
export function user(world: Pick<World, 'kubectl' | 'apply' | 'namespace'>, name: string, rules: readonly Rule[] | 'edit' | 'view'): User {
  world.kubectl('create', 'serviceaccount', name)
  if (rules.length > 0) {
    if (typeof rules !== 'string') world.apply(JSON.stringify(roleOf(name, rules)))
    const role = typeof rules === 'string' ? `--clusterrole=${rules}` : `--role=${name}`
    world.kubectl('create', 'rolebinding', name, role, `--serviceaccount=${world.namespace}:${name}`)
  }
  const token = world.kubectl('create', 'token', name, '--duration=1h').trim()
  return { name: `system:serviceaccount:${world.namespace}:${name}`, kubeconfig: kubeconfigOf(name, { token }) }
}

const roleOf = (name: string, rules: readonly Rule[]) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name },
  rules: rules.map(rule => ({ apiGroups: [''], ...rule }))
})

interface Config {
  clusters: { name: string; cluster: Record<string, unknown> }[]
  contexts: { name: string; context: Record<string, unknown> }[]
  users: { name: string; user: Record<string, unknown> }[]
}

/** The current kubeconfig with other credentials, written to a file of its own. */
export function kubeconfigOf(name: string, credentials: Record<string, unknown>): string {
  const config = JSON.parse(kubectl(['config', 'view', '--raw', '--minify', '-o', 'json'])) as Config
  config.users = [{ name, user: credentials }]
  for (const { context } of config.contexts) context['user'] = name
  const file = path.join(folder, `${name}.json`)
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 })
  return file
}
