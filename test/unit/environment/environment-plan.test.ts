/** Expected values are those of the kubelet (1.34, makeEnvironmentVariables); test/e2e/environment.test.ts compares with a real one. */
import { describe, expect, it } from 'vitest'
import { BINARY, type EnvironmentSources, planEnvironment } from '../../../src/environment/environment-plan.ts'
import type { Container, EnvironmentPlan } from '../../../src/environment/types.ts'
import { containerOf, FORBIDDEN, type Objects, podOf, record, serviceOf, sourcesOf, texts } from './objects.ts'

type Env = NonNullable<Container['env']>

function plan(container: Partial<Container>, objects: Objects = {}, more: Partial<EnvironmentSources> = {}): EnvironmentPlan {
  const app = containerOf(container)
  const made = planEnvironment(podOf(app), app, sourcesOf(objects, more))
  return { ...made, variables: made.variables.filter(({ name }) => name !== 'HOSTNAME') }
}

const values = (env: Env, objects: Objects = {}, more: Partial<EnvironmentSources> = {}): Record<string, string> =>
  record(plan({ env }, objects, more).variables)

describe('literals', () => {
  it.each<[string, string]>([
    ['$(A)', 'one'],
    ['x$(A)y$(A)', 'xoneyone'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$one'],
    ['$$$$(A)', '$$(A)'],
    ['$(LATER)', '$(LATER)'],
    ['$(NOPE)', '$(NOPE)'],
    ['$A ${A} $', '$A ${A} $'],
    ['$(A', '$(A'],
    ['$(A$(A)', '$(A$(A)'],
    ['$()', '$()'],
    ['$( A)', '$( A)'],
    ['a$', 'a$'],
    ['a$$', 'a$'],
    ['line\n$(A)\n', 'line\none\n'],
    ['$(EMPTY)|', '|'],
    ['$(TWICE)', 'two'],
    ['$(INNER)', '$(A)']
  ])('%j becomes %j', (written, expected) => {
    const env = [
      { name: 'A', value: 'one' },
      { name: 'EMPTY', value: '' },
      { name: 'TWICE', value: 'one' },
      { name: 'TWICE', value: 'two' },
      { name: 'INNER', value: '$$(A)' },
      { name: 'X', value: written },
      { name: 'LATER', value: 'late' }
    ]
    expect(values(env)['X']).toBe(expected)
  })

  it('see themselves as they were before', () => {
    const env = [
      { name: 'A', value: '1' },
      { name: 'A', value: '$(A)2' },
      { name: 'B', value: '$(B)' }
    ]
    expect(values(env)).toEqual({ A: '12', B: '$(B)' })
  })

  it('see envFrom and service links, and HOSTNAME only when it is set', () => {
    const services = [serviceOf('cart', '10.96.0.9', [{ port: 80 }])]
    const container = {
      envFrom: [{ configMapRef: { name: 'app' } }],
      env: [{ name: 'X', value: '$(LOG) $(CART_SERVICE_HOST) $(HOSTNAME)' }]
    }
    const made = plan(container, { configMaps: { app: texts({ LOG: 'debug' }) } }, { services })
    expect(record(made.variables)['X']).toBe('debug 10.96.0.9 $(HOSTNAME)')
  })
})

describe('valueFrom', () => {
  it.each<[string, string]>([
    ['metadata.name', 'web-0'],
    ['metadata.namespace', 'shop'],
    ['metadata.uid', 'u-1'],
    ["metadata.labels['a/b.c']", 'lab'],
    ["metadata.labels['none']", ''],
    ["metadata.annotations['note']", 'two\nlines'],
    ['spec.nodeName', 'node-1'],
    ['spec.serviceAccountName', 'robot'],
    ['status.hostIP', '10.0.0.1'],
    ['status.hostIPs', '10.0.0.1,fd00::1'],
    ['status.podIP', '10.42.0.7'],
    ['status.podIPs', '10.42.0.7,fd01::7']
  ])('field %s is %j', (fieldPath, expected) => {
    expect(values([{ name: 'X', valueFrom: { fieldRef: { fieldPath } } }])).toEqual({ X: expected })
  })

  it('names what a pod that does not run cannot tell', () => {
    const app = containerOf({ env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] })
    const made = planEnvironment(podOf(app, { status: {} }), app, sourcesOf({}))
    expect(made.missing).toMatchObject([{ name: 'IP', why: 'status.podIP is not known: the pod does not run' }])
  })

  it('takes keys of ConfigMaps and Secrets', () => {
    const env: Env = [
      { name: 'C', valueFrom: { configMapKeyRef: { name: 'app', key: 'k' } } },
      { name: 'S', valueFrom: { secretKeyRef: { name: 'db', key: 'k' } } },
      { name: 'DSN', value: 'pg://$(S)@db' }
    ]
    const made = plan({ env }, { configMaps: { app: texts({ k: 'c' }) }, secrets: { db: texts({ k: 's' }) } })
    expect(made.variables).toEqual([
      { name: 'C', value: 'c', source: 'configmap/app:k', secret: false },
      { name: 'S', value: 's', source: 'secret/db:k', secret: true },
      { name: 'DSN', value: 'pg://s@db', source: 'spec $(…)', secret: true }
    ])
  })

  it('passes over what is optional and not there, and leaves what was set before', () => {
    const made = plan(
      {
        envFrom: [{ configMapRef: { name: 'app' } }],
        env: [
          { name: 'KEPT', valueFrom: { secretKeyRef: { name: 'none', key: 'k', optional: true } } },
          { name: 'GONE', valueFrom: { configMapKeyRef: { name: 'app', key: 'none', optional: true } } },
          { name: 'BIN', valueFrom: { configMapKeyRef: { name: 'app', key: 'bin', optional: true } } }
        ]
      },
      { configMaps: { app: texts({ KEPT: 'from the map' }, { bin: BINARY }) } }
    )
    expect([record(made.variables), made.missing]).toEqual([{ KEPT: 'from the map' }, []])
  })

  it('names what is not there, not readable or not text, and what is made of it', () => {
    const env: Env = [
      { name: 'NO_MAP', valueFrom: { configMapKeyRef: { name: 'none', key: 'k' } } },
      { name: 'NO_KEY', valueFrom: { configMapKeyRef: { name: 'app', key: 'none' } } },
      { name: 'BIN', valueFrom: { configMapKeyRef: { name: 'app', key: 'bin' } } },
      { name: 'PW', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
      { name: 'MAYBE', valueFrom: { secretKeyRef: { name: 'db', key: 'x', optional: true } } },
      { name: 'DSN', value: 'pg://$(PW)@db' },
      { name: 'FINE', value: 'x' }
    ]
    const made = plan({ env }, { configMaps: { app: texts({}, { bin: BINARY }) }, secrets: { db: FORBIDDEN } })
    expect(record(made.variables)).toEqual({ FINE: 'x' })
    expect(made.missing.map(({ name, why }) => `${name ?? ''}: ${why}`)).toEqual([
      'NO_MAP: ConfigMap none does not exist',
      'NO_KEY: ConfigMap app has no key none',
      'BIN: ConfigMap app: key bin is binaryData, of which no variable is made',
      'PW: Secret db may not be read (forbidden)',
      'MAYBE: Secret db may not be read (forbidden)',
      'DSN: it is made of PW: Secret db may not be read (forbidden)'
    ])
    expect(made.missing.find(({ name }) => name === 'PW')?.hint).toBe('kubectl auth can-i get secrets -n shop')
  })
})

describe('envFrom', () => {
  const configMaps = {
    a: texts({ K: 'a', ONLY: 'a' }),
    b: texts({ K: 'b' }, { bin: BINARY }),
    odd: texts({ '1st': 'x', 'a.b': 'y', 'c-d': 'z' })
  }

  it('lets later sources win, puts prefixes before names, and env over all', () => {
    const made = plan(
      {
        envFrom: [{ configMapRef: { name: 'a' } }, { configMapRef: { name: 'b' } }, { prefix: 'P_', configMapRef: { name: 'a' } }],
        env: [{ name: 'ONLY', value: '$(ONLY)!' }]
      },
      { configMaps }
    )
    expect(record(made.variables)).toEqual({ K: 'b', ONLY: 'a!', P_K: 'a', P_ONLY: 'a' })
  })

  it('takes every key as a name since 1.32, and reports what older kubelets skip', () => {
    const envFrom = [{ configMapRef: { name: 'odd' } }]
    expect(record(plan({ envFrom }, { configMaps }).variables)).toEqual({ '1st': 'x', 'a.b': 'y', 'c-d': 'z' })
    const old = plan({ envFrom }, { configMaps }, { strictNames: true })
    expect(record(old.variables)).toEqual({ 'a.b': 'y', 'c-d': 'z' })
    expect(old.skipped).toEqual([
      'Keys [1st] from the EnvFrom configMap shop/odd were skipped since they are considered invalid environment variable names.'
    ])
  })

  it('names a source that is not there or not readable, unless it is optional and not there', () => {
    const made = plan(
      {
        envFrom: [
          { secretRef: { name: 'db' } },
          { prefix: 'X_', configMapRef: { name: 'none' } },
          { configMapRef: { name: 'none', optional: true } }
        ]
      },
      { secrets: { db: FORBIDDEN } }
    )
    expect(made.missing.map(({ what, why }) => `${what}: ${why}`)).toEqual([
      'all of Secret db: Secret db may not be read (forbidden)',
      'all of ConfigMap none (X_…): ConfigMap none does not exist'
    ])
  })

  it('does not take a name for unset that may be in a source it could not read', () => {
    const made = plan(
      {
        envFrom: [{ prefix: 'DB_', secretRef: { name: 'db' } }],
        env: [
          { name: 'A', value: '$(DB_PASSWORD)' },
          { name: 'B', value: '$(OTHER)' }
        ]
      },
      { secrets: { db: FORBIDDEN } }
    )
    expect(record(made.variables)).toEqual({ B: '$(OTHER)' })
    expect(made.missing.at(-1)).toMatchObject({ name: 'A', why: 'it is made of DB_PASSWORD: Secret db may not be read (forbidden)' })
  })
})

describe('service links', () => {
  const services = [
    serviceOf('cart', '10.96.0.9', [{ port: 80 }]),
    serviceOf('other', '10.96.0.8', [{ port: 1 }], 'elsewhere'),
    serviceOf('kubernetes', '10.96.0.1', [{ name: 'https', port: 443 }], 'default')
  ]
  const names = (made: EnvironmentPlan): string[] => made.variables.map(({ name }) => name).filter(name => name.endsWith('_HOST'))

  it('are those of the namespace and of the API server', () => {
    expect(names(plan({}, {}, { services }))).toEqual(['CART_SERVICE_HOST', 'KUBERNETES_SERVICE_HOST'])
  })

  it('are those of the API server alone where the pod wants none', () => {
    const app = containerOf({})
    const made = planEnvironment(podOf(app, { spec: { enableServiceLinks: false } }), app, sourcesOf({}, { services }))
    expect(names(made)).toEqual(['KUBERNETES_SERVICE_HOST'])
  })

  it('give way to variables of the same name', () => {
    expect(values([{ name: 'CART_SERVICE_HOST', value: 'mine' }], {}, { services })['CART_SERVICE_HOST']).toBe('mine')
  })

  it('that could not be read leave what is made of them unknown', () => {
    const own = {
      what: 'all service links',
      why: 'the Services of namespace shop may not be read (forbidden)',
      source: 'services',
      secret: false
    }
    const made = plan({ env: [{ name: 'URL', value: 'http://$(CART_SERVICE_HOST)' }] }, {}, { servicesUnread: { own } })
    expect(made.missing.map(({ what }) => what)).toEqual(['all service links', 'URL'])
  })
})

describe('HOSTNAME', () => {
  const hostname = (spec: Parameters<typeof podOf>[1]): string | undefined => {
    const app = containerOf({})
    return record(planEnvironment(podOf(app, spec), app, sourcesOf({})).variables)['HOSTNAME']
  }

  it("is the pod's host name, the node's with hostNetwork, or what the spec sets", () => {
    expect(hostname({})).toBe('web-0')
    expect(hostname({ spec: { hostname: 'named' } })).toBe('named')
    expect(hostname({ spec: { hostNetwork: true } })).toBe('node-1')
    expect(hostname({ spec: { hostname: 'named', subdomain: 'sub', setHostnameAsFQDN: true } })).toBe('named.sub.shop.svc.cluster.local')
    const app = containerOf({ env: [{ name: 'HOSTNAME', value: 'mine' }] })
    expect(record(planEnvironment(podOf(app), app, sourcesOf({})).variables)).toEqual({ HOSTNAME: 'mine' })
  })

  it('is cut to 63 characters, without a dash at its end', () => {
    expect(hostname({ spec: { hostname: `${'a'.repeat(62)}-b` } })).toBe('a'.repeat(62))
  })
})
