/** Plain pods, containers and sources for the tests of this folder. */
import type { EnvironmentSources } from '../../../src/environment/environment-plan.ts'
import type { Container, ObjectRead, Pod, Service, Variable } from '../../../src/environment/types.ts'

export const ABSENT: ObjectRead = { problem: 'does not exist', absent: true }
export const FORBIDDEN: ObjectRead = {
  problem: 'may not be read (forbidden)',
  absent: false,
  hint: 'kubectl auth can-i get secrets -n shop'
}

export const texts = (values: Record<string, string>, unusable: Record<string, string> = {}): ObjectRead => ({
  values: new Map(Object.entries(values)),
  unusable: new Map(Object.entries(unusable))
})

export const containerOf = (more: Partial<Container>): Container => ({ name: 'app', image: 'app:1', ...more })

export const podOf = (container: Container, more: { spec?: Partial<NonNullable<Pod['spec']>>; status?: Pod['status'] } = {}): Pod => ({
  metadata: { name: 'web-0', namespace: 'shop', uid: 'u-1', labels: { app: 'web', 'a/b.c': 'lab' }, annotations: { note: 'two\nlines' } },
  spec: { containers: [container], nodeName: 'node-1', serviceAccountName: 'robot', ...more.spec },
  status: more.status ?? {
    hostIP: '10.0.0.1',
    hostIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
    podIP: '10.42.0.7',
    podIPs: [{ ip: '10.42.0.7' }, { ip: 'fd01::7' }]
  }
})

export const serviceOf = (name: string, clusterIP: string, ports: NonNullable<Service['spec']>['ports'], namespace = 'shop'): Service => ({
  metadata: { name, namespace },
  spec: { clusterIP, ...(ports === undefined ? {} : { ports }) }
})

export interface Objects {
  configMaps?: Record<string, ObjectRead>
  secrets?: Record<string, ObjectRead>
}

export const sourcesOf = ({ configMaps = {}, secrets = {} }: Objects, more: Partial<EnvironmentSources> = {}): EnvironmentSources => ({
  configMap: name => configMaps[name] ?? ABSENT,
  secret: name => secrets[name] ?? ABSENT,
  services: [],
  servicesUnread: {},
  allocatable: { problem: 'was not read' },
  strictNames: false,
  ...more
})

export const record = (variables: readonly Pick<Variable, 'name' | 'value'>[]): Record<string, string> =>
  Object.fromEntries(variables.map(({ name, value }) => [name, value]))
