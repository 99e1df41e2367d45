/** What we may do with Leases of a namespace. Asked before anything is written, so that nothing is left half done. */
import type { Cluster } from '../kube/types.ts'

export interface LeaseRights {
  /** See who else is there. */
  see: boolean
  /** Tell them. */
  write: boolean
  watch: boolean
  /** What is missing, for people: `create, update`. Empty: nothing. */
  missing: readonly string[]
}

const GROUP = 'coordination.k8s.io'
const WRITE = ['create', 'update', 'delete'] as const

/** Never rejects: what cannot be asked is tried. */
export async function leaseRights(cluster: Pick<Cluster, 'canI'>, namespace: string): Promise<LeaseRights> {
  const verbs = ['list', 'watch', ...WRITE]
  const answers = await Promise.all(verbs.map(verb => cluster.canI(verb, 'leases', { namespace, group: GROUP }).catch(() => undefined)))
  const missing = verbs.filter((_verb, index) => answers[index] === false)
  return {
    see: !missing.includes('list'),
    watch: !missing.includes('watch'),
    write: !WRITE.some(verb => missing.includes(verb)),
    missing
  }
}
