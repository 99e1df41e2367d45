import { describe, expect, it } from 'vitest'
import type { Container, Pod } from '../../../src/resolve/objects.ts'
import type { ObjectRead, VolumePlan, VolumeSources } from '../../../src/volumes/types.ts'
import { planVolumes } from '../../../src/volumes/volume-plan.ts'
import { volumeReferences } from '../../../src/volumes/volume-references.ts'

type Spec = NonNullable<Pod['spec']>
type Volumes = NonNullable<Spec['volumes']>

const ABSENT: ObjectRead = { problem: 'does not exist', absent: true }
const FORBIDDEN: ObjectRead = { problem: 'may not be read (forbidden)', absent: false, hint: 'kubectl auth can-i get secrets -n shop' }
const object = (values: Record<string, string | Buffer>): ObjectRead => ({
  values: new Map(Object.entries(values).map(([key, value]) => [key, Buffer.from(value)]))
})

const sourcesOf = (
  objects: Record<string, ObjectRead> = {},
  token: ReturnType<VolumeSources['token']> = { token: 'a.b.c' }
): VolumeSources => ({
  configMap: name => objects[`configmap/${name}`] ?? ABSENT,
  secret: name => objects[`secret/${name}`] ?? ABSENT,
  token: () => token,
  allocatable: { problem: 'was not read' }
})

const containerOf = (volumeMounts: NonNullable<Container['volumeMounts']>, more: Partial<Container> = {}): Container => ({
  name: 'app',
  volumeMounts,
  ...more
})
const podOf = (container: Container, volumes: Volumes, spec: Partial<Spec> = {}): Pod => ({
  metadata: { name: 'web-0', namespace: 'shop', uid: 'u-1', labels: { b: '2', a: 'x"y' } },
  spec: { containers: [container], volumes, ...spec }
})

/** One volume at /v. */
function plan(volume: Omit<Volumes[number], 'name'>, sources: VolumeSources, spec: Partial<Spec> = {}, mount: object = {}): VolumePlan {
  const container = containerOf([{ name: 'v', mountPath: '/v', ...mount }])
  return planVolumes(podOf(container, [{ name: 'v', ...volume }], spec), container, sources)
}
const files = ({ mounts }: VolumePlan): Record<string, string> =>
  Object.fromEntries(
    mounts.flatMap(mount =>
      mount.files.map(({ path, mode, bytes }) => [`${mount.path}/${path}`, `${mode.toString(8)} ${bytes.toString()}`])
    )
  )

describe('a ConfigMap or Secret', () => {
  it('gives every key, text and binary, with the default mode', () => {
    const found = plan(
      { configMap: { name: 'app' } },
      sourcesOf({ 'configmap/app': object({ b: 'two', a: Buffer.from([0x31]), '.hidden': '' }) })
    )
    expect(files(found)).toEqual({ '/v/.hidden': '644 ', '/v/a': '644 1', '/v/b': '644 two' })
    expect(found.missing).toEqual([])
  })

  it('gives only its items, each with its mode', () => {
    const items = [
      { key: 'a', path: 'x/y/a.txt', mode: 0o400 },
      { key: 'b', path: 'b' }
    ]
    const found = plan(
      { secret: { secretName: 'db', defaultMode: 0o440, items } },
      sourcesOf({ 'secret/db': object({ a: '1', b: '2', c: '3' }) })
    )
    expect(files(found)).toEqual({ '/v/x/y/a.txt': '400 1', '/v/b': '440 2' })
    expect(found.mounts[0]?.files.map(({ secret, source }) => [secret, source])).toEqual([
      [true, 'secret/db:b'],
      [true, 'secret/db:a']
    ])
  })

  it('that is optional and not there is an empty folder', () => {
    const found = plan({ configMap: { name: 'none', optional: true } }, sourcesOf())
    expect([found.mounts.length, files(found), found.missing]).toEqual([1, {}, []])
  })

  it('is named when it is not there, or may not be read', () => {
    expect(plan({ configMap: { name: 'none' } }, sourcesOf()).missing).toEqual([
      { what: '/v', why: 'ConfigMap none does not exist', source: 'configmap/none', secret: false }
    ])
    expect(plan({ secret: { secretName: 'db', optional: true } }, sourcesOf({ 'secret/db': FORBIDDEN })).missing).toEqual([
      {
        what: '/v',
        why: 'Secret db may not be read (forbidden)',
        source: 'secret/db',
        secret: true,
        hint: 'kubectl auth can-i get secrets -n shop'
      }
    ])
  })

  it('names a key that is missing unless it is optional', () => {
    const items = [
      { key: 'a', path: 'a' },
      { key: 'none', path: 'none' }
    ]
    const sources = sourcesOf({ 'configmap/app': object({ a: '1' }) })
    const found = plan({ configMap: { name: 'app', items } }, sources)
    expect([files(found), found.missing.map(({ what, why }) => `${what}: ${why}`)]).toEqual([
      { '/v/a': '644 1' },
      ['/v/none: ConfigMap app has no key none']
    ])
    expect(plan({ configMap: { name: 'app', items, optional: true } }, sources).missing).toEqual([])
  })

  it.each(['../up', 'a/../../up', '/etc/passwd', '..data', '..x/y', '.', 'a\0b', 'a/'.repeat(2_100)])('refuses the name %j', name => {
    const found = plan({ configMap: { name: 'app' } }, sourcesOf({ 'configmap/app': object({ [name]: 'x', fine: 'y' }) }))
    expect(files(found)).toEqual({ '/v/fine': '644 y' })
    expect(found.missing.map(({ why }) => why)).toEqual([expect.stringContaining('is no name for a file in a volume')])
  })

  it('refuses a file that is a folder too', () => {
    const items = [
      { key: 'a', path: 'x' },
      { key: 'a', path: 'x/y' }
    ]
    const found = plan({ configMap: { name: 'app', items } }, sourcesOf({ 'configmap/app': object({ a: '1' }) }))
    expect([files(found), found.missing[0]?.why]).toEqual([{ '/v/x': '644 1' }, 'x is a file and a folder at once'])
  })

  it('lets an fsGroup read', () => {
    const found = plan({ secret: { secretName: 'db', defaultMode: 0o400 } }, sourcesOf({ 'secret/db': object({ a: '1' }) }), {
      securityContext: { fsGroup: 7 }
    })
    expect(files(found)).toEqual({ '/v/a': '440 1' })
  })
})

describe('a projected volume', () => {
  const sources = [
    { configMap: { name: 'app' } },
    { secret: { name: 'db', items: [{ key: 'a', path: 'over' }] } },
    { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } }
  ]
  const objects = { 'configmap/app': object({ over: 'first', x: '1' }), 'secret/db': object({ a: 'second' }) }

  it('joins its sources, the later over the earlier', () => {
    expect(files(plan({ projected: { sources, defaultMode: 0o440 } }, sourcesOf(objects)))).toEqual({
      '/v/over': '440 second',
      '/v/x': '440 1',
      '/v/labels': '440 a="x\\"y"\nb="2"',
      '/v/token': '440 a.b.c'
    })
  })

  it.each([
    ['without a user', {}, '644'],
    ['with one user for all containers', { securityContext: { runAsUser: 5 } }, '600'],
    ['with an fsGroup', { securityContext: { fsGroup: 5 } }, '640']
  ])('gives the token its mode %s', (_name, spec, mode) => {
    expect(files(plan({ projected: { sources: sources.slice(3) } }, sourcesOf(objects), spec))).toEqual({ '/v/token': `${mode} a.b.c` })
  })

  it('names the token that is refused, and gives the rest', () => {
    const refused = {
      problem: 'may not be asked for (forbidden)',
      absent: false,
      hint: 'kubectl auth can-i create serviceaccounts --subresource=token -n shop'
    }
    const found = plan({ projected: { sources } }, sourcesOf(objects, refused))
    expect(Object.keys(files(found))).toEqual(['/v/labels', '/v/over', '/v/x'])
    expect(found.missing).toEqual([
      {
        what: '/v/token',
        why: 'a token of ServiceAccount default may not be asked for (forbidden)',
        source: 'token',
        secret: true,
        hint: refused.hint
      }
    ])
  })

  it('names a source that only the kubelet can make', () => {
    const found = plan({ projected: { sources: [{ clusterTrustBundle: { name: 'x', path: 'ca.pem' } }] } }, sourcesOf())
    expect(found.missing.map(({ what }) => what)).toEqual(['/v/ca.pem'])
  })
})

describe('a downward volume', () => {
  it('tells fields and resources, and names what it cannot', () => {
    const items = [
      { path: 'name', fieldRef: { fieldPath: 'metadata.name' }, mode: 0o400 },
      { path: 'ip', fieldRef: { fieldPath: 'status.podIP' } },
      { path: 'memory', resourceFieldRef: { containerName: 'app', resource: 'limits.memory', divisor: '1Mi' } }
    ]
    const found = plan({ downwardAPI: { items } }, sourcesOf())
    expect(files(found)).toEqual({ '/v/name': '400 web-0' })
    expect(found.missing.map(({ what, why }) => `${what}: ${why}`)).toEqual([
      '/v/ip: status.podIP is not known: the pod does not run',
      "/v/memory: no limit is set, and the node's allocatable memory was not read"
    ])
  })
})

describe('a mount', () => {
  const sources = sourcesOf({ 'configmap/app': object({ a: '1', b: '2' }) })
  const nested = {
    configMap: {
      name: 'app',
      items: [
        { key: 'a', path: 'd/a' },
        { key: 'b', path: 'd/e/b' }
      ]
    }
  }

  it('with subPath is one file, or one folder', () => {
    expect(plan({ configMap: { name: 'app' } }, sources, {}, { subPath: 'a' }).mounts).toMatchObject([
      { path: '/v', subPath: 'a', files: [{ path: '' }] }
    ])
    expect(files(plan(nested, sources, {}, { subPath: './d/' }))).toEqual({ '/v/a': '644 1', '/v/e/b': '644 2' })
    expect(plan(nested, sources, {}, { subPath: 'none' }).missing[0]?.why).toBe('volume v has no none')
    expect(plan(nested, sources, {}, { subPath: '../d' }).missing[0]?.why).toContain('leaves the volume')
  })

  it('with subPathExpr is what the spec says of it', () => {
    const container = (value: object): Container =>
      containerOf([{ name: 'v', mountPath: '/v', subPathExpr: '$(WHICH)' }], { env: [{ name: 'WHICH', ...value }] })
    const found = (value: object): VolumePlan => planVolumes(podOf(container(value), [{ name: 'v', ...nested }]), container(value), sources)
    expect(files(found({ value: 'd/e' }))).toEqual({ '/v/b': '644 2' })
    expect(found({ valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }).missing[0]?.why).toBe('volume v has no web-0')
    expect(found({ valueFrom: { secretKeyRef: { name: 'x', key: 'y' } } }).missing[0]?.why).toContain('needs the variable WHICH')
  })

  it('within another one hides what it lies over', () => {
    const container = containerOf([
      { name: 'v', mountPath: '/v' },
      { name: 'w', mountPath: '/v/a' },
      { name: 'n', mountPath: '/n' },
      { name: 'w', mountPath: '/n/d/e' }
    ])
    const volumes = [
      { name: 'v', configMap: { name: 'app' } },
      { name: 'n', ...nested },
      { name: 'w', emptyDir: {} }
    ]
    const found = planVolumes(podOf(container, volumes), container, sources)
    expect(files(found)).toEqual({ '/v/b': '644 2' })
    expect(found.missing.map(({ what }) => what)).toEqual(['/n/d/a'])
    expect(found.elsewhere).toMatchObject([{ path: '/v/a', volume: 'w', kind: 'emptyDir' }, { path: '/n/d/e' }])
  })

  it.each(['relative', '/', '/a/../..'])('at %j is refused', mountPath => {
    expect(plan({ configMap: { name: 'app' } }, sources, {}, { mountPath }).mounts).toEqual([])
  })

  it('of a volume that the pod has not is named', () => {
    const container = containerOf([{ name: 'none', mountPath: '/v' }])
    expect(planVolumes(podOf(container, []), container, sources).missing[0]?.why).toBe('the pod has no volume none')
  })
})

describe('references', () => {
  it('are each object once, of mounted volumes only, optional when all are', () => {
    const container = containerOf([
      { name: 'a', mountPath: '/a' },
      { name: 'b', mountPath: '/b' }
    ])
    const token = { serviceAccountToken: { path: 't', expirationSeconds: 600 } }
    const volumes: Volumes = [
      { name: 'a', configMap: { name: 'app', optional: true } },
      { name: 'b', projected: { sources: [{ configMap: { name: 'app' } }, { secret: { name: 'db', optional: true } }, token, token] } },
      { name: 'c', secret: { secretName: 'unused' } }
    ]
    const found = volumeReferences(podOf(container, volumes), container)
    expect([[...found.configMaps], [...found.secrets], found.tokens, found.node]).toEqual([
      [['app', { optional: false }]],
      [['db', { optional: true }]],
      [{ audience: '', expirationSeconds: 600 }],
      false
    ])
  })
})
