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

/** Grants exactly these rules in the world's namespace, or a ClusterRole there. Once more for the same name is as good as once. */
export function user(world: Pick<World, 'kubectl' | 'apply' | 'namespace'>, name: string, rules: readonly Rule[] | 'edit' | 'view'): User {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } }
  const role = typeof rules === 'string' ? [] : [roleOf(name, rules)]
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name },
    subjects: [{ kind: 'ServiceAccount', name, namespace: world.namespace }],
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      ...(typeof rules === 'string' ? { kind: 'ClusterRole', name: rules } : { kind: 'Role', name })
    }
  }
  world.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [account, ...role, binding] }))
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
