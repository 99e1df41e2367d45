import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { silent } from '../../../src/base/log.ts'
import type { Cluster, TokenWanted } from '../../../src/kube/types.ts'
import type { Pod } from '../../../src/resolve/objects.ts'
import { type Mounted, mountFiles, type MountRequest } from '../../../src/volumes/mount-files.ts'
import { eventually } from '../../harness/eventually.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { type ObjectCluster, objectCluster, type PlainObject, readyPod } from '../../harness/object-cluster.ts'
import { newFolder, recordsOf } from './folder.ts'

const map = (name: string, data: object): PlainObject => ({ kind: 'ConfigMap', metadata: { name }, data })
const MOUNTS = [
  { name: 'config', mountPath: '/etc/app' },
  { name: 'config', mountPath: '/etc/one.yaml', subPath: 'a' },
  { name: 'db', mountPath: '/etc/db' },
  { name: 'maybe', mountPath: '/etc/maybe' },
  { name: 'all', mountPath: '/run/all' },
  { name: 'data', mountPath: '/data' }
]
const SPEC = {
  serviceAccountName: 'robot',
  containers: [{ name: 'app', volumeMounts: MOUNTS }],
  volumes: [
    { name: 'config', configMap: { name: 'app' } },
    { name: 'db', secret: { secretName: 'db' } },
    { name: 'maybe', configMap: { name: 'maybe', optional: true } },
    {
      name: 'all',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 1_000, audience: 'vault' } },
          { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }
        ]
      }
    },
    { name: 'data', emptyDir: {} }
  ]
}
const POD = readyPod({ name: 'web-0', labels: { app: 'web' }, spec: SPEC })
const OBJECTS = [POD, map('app', { a: '1', b: '2' }), { kind: 'Secret', metadata: { name: 'db' }, data: { password: 'czNjcjN0' } }]

const open: Mounted[] = []
afterEach(async () => {
  for (const mounted of open.splice(0)) await mounted.close()
})

interface Options {
  forbid?: string[]
  /** No watch, as canI tells. */
  unwatched?: boolean
  token?: (wanted: TokenWanted) => Promise<{ token: string; expiresAt: Date } | undefined>
  request?: Partial<MountRequest>
  objects?: PlainObject[]
}

async function setup({ forbid = [], unwatched = false, token, request = {}, objects = OBJECTS }: Options = {}) {
  const objectsOf: ObjectCluster = objectCluster(objects)
  for (const rule of forbid) objectsOf.forbid(rule)
  const clock = fakeClock()
  const said: string[] = []
  const tokens: TokenWanted[] = []
  const cluster: Pick<Cluster, 'get' | 'watch' | 'canI' | 'requestToken' | 'execStream'> = {
    get: objectsOf.get,
    watch: objectsOf.watch,
    canI: async () => !unwatched,
    async requestToken(wanted) {
      tokens.push(wanted)
      return token === undefined
        ? { token: `token ${tokens.length}`, expiresAt: new Date(clock.date().getTime() + 1_000_000) }
        : token(wanted)
    },
    execStream: async () => {
      throw new InterceptError('CLUSTER_FORBIDDEN', 'you may not get pods/exec', { hint: 'kubectl auth can-i get pods --subresource=exec' })
    }
  }
  const root = path.join(newFolder(), 'root')
  const run = path.join(newFolder(), 'run')
  const pod = (await objectsOf.get('pods', 'default', 'web-0')) as Pod
  const [container] = pod.spec?.containers ?? []
  if (container === undefined) throw new Error('no container')
  const mounting = mountFiles(cluster, {
    target: { pod, container, exists: true },
    root,
    copies: [],
    records: recordsOf(run),
    uid: undefined,
    platform: 'linux',
    clock,
    log: silent,
    signal: new AbortController().signal,
    say: line => said.push(line),
    ...request
  })
  const opened = async (): Promise<Mounted> => {
    const mounted = await mounting
    open.push(mounted)
    return mounted
  }
  const text = (name: string): string => readFileSync(path.join(root, name), 'utf8')
  return { mounting, opened, objects: objectsOf, cluster, clock, said, tokens, root, run, text }
}

describe("a container's files", () => {
  it('are where the container has them, and gone at the end', async () => {
    const world = await setup()
    const mounted = await world.opened()
    expect(['etc/app/a', 'etc/one.yaml', 'etc/db/password', 'run/all/labels', 'run/all/token'].map(world.text)).toEqual([
      '1',
      '1',
      's3cr3t',
      'app="web"',
      'token 1'
    ])
    expect([mounted.missing, mounted.placed.length, readdirSync(path.join(world.root, 'etc/maybe'))]).toEqual([[], 5, expect.any(Array)])
    expect(mounted.notes).toEqual(['not included: /data (emptyDir data), which only the container has; a copy of it: --mount data:./data'])
    expect(readdirSync(world.run)).toEqual([expect.stringMatching(/^4242\.[0-9a-f]{8}\.mount\.json$/)])
    await mounted.close()
    await mounted.closed
    expect([existsSync(world.root), readdirSync(world.run), world.objects.watching]).toEqual([false, [], 0])
  })

  it('ask for the token as the pod does', async () => {
    const { opened, tokens } = await setup()
    await opened()
    expect(tokens).toEqual([
      {
        namespace: 'default',
        serviceAccount: 'robot',
        audience: 'vault',
        expirationSeconds: 1_000,
        pod: { name: 'web-0', uid: 'uid-web-0' }
      }
    ])
  })

  it('come without what may not be read, which is named', async () => {
    const forbidden = new InterceptError('CLUSTER_FORBIDDEN', 'no', {
      hint: 'kubectl auth can-i create serviceaccounts --subresource=token -n default'
    })
    const world = await setup({ forbid: ['get secrets'], token: () => Promise.reject(forbidden), objects: [POD] })
    const { missing } = await world.opened()
    expect(missing.map(({ what, why, hint }) => [what, why, hint])).toEqual([
      ['/etc/app', 'ConfigMap app does not exist', undefined],
      ['/etc/one.yaml', 'ConfigMap app does not exist', undefined],
      ['/etc/db', 'Secret db may not be read (forbidden)', 'kubectl auth can-i get secrets -n default'],
      ['/run/all/token', 'a token of ServiceAccount robot may not be asked for (forbidden)', forbidden.hint]
    ])
    expect(world.text('run/all/labels')).toBe('app="web"')
  })

  it('of a template have no token', async () => {
    const objects = objectCluster(OBJECTS)
    const pod = (await objects.get('pods', 'default', 'web-0')) as Pod
    const container = { name: 'app', volumeMounts: MOUNTS }
    const world = await setup({ request: { target: { pod, container, exists: false } } })
    expect([(await world.opened()).missing.map(({ what }) => what), world.tokens]).toEqual([['/run/all/token'], []])
  })

  it('are not written, and nothing is left, when the folder is taken', async () => {
    const folder = newFolder()
    writeFileSync(path.join(folder, 'mine'), '')
    const world = await setup({ request: { root: folder } })
    await expect(world.mounting).rejects.toMatchObject({ code: 'MOUNT_FAILED' })
    expect([readdirSync(folder), existsSync(world.run), world.objects.requests.filter(line => line.includes('secrets'))]).toEqual([
      ['mine'],
      false,
      []
    ])
  })

  it('leave nothing when one cannot be written', async () => {
    const long = {
      ...SPEC,
      containers: [
        { name: 'app', volumeMounts: [{ name: 'config', mountPath: `/etc/${`${'d'.repeat(250)}/`.repeat(16)}${'x'.repeat(60)}` }] }
      ]
    }
    const failing = await setup({ objects: [readyPod({ name: 'web-0', spec: long }), map('app', { a: '1' })] })
    await expect(failing.mounting).rejects.toMatchObject({ code: 'MOUNT_FAILED', message: expect.stringContaining('the name is too long') })
    expect([existsSync(failing.root), readdirSync(failing.run)]).toEqual([false, []])
  })

  it('of a volume by its name lie in a folder of its own', async () => {
    const folder = path.join(newFolder(), 'config')
    const world = await setup({ request: { root: undefined, copies: [{ from: 'config', to: folder }] } })
    const mounted = await world.opened()
    expect([readFileSync(path.join(folder, 'a'), 'utf8'), mounted.missing, existsSync(world.root)]).toEqual(['1', [], false])
    world.objects.apply(map('app', { a: 'new' }))
    await eventually(() => readFileSync(path.join(folder, 'a'), 'utf8') === 'new')
  })

  it('that only the container has are missing without exec', async () => {
    const world = await setup({
      request: {
        copies: [
          { from: 'data', to: undefined },
          { from: '/var/x', to: undefined }
        ]
      }
    })
    const { missing, notes } = await world.opened()
    expect(missing.map(({ what, why, hint }) => [what, why, hint])).toEqual([
      ['/data', 'you may not get pods/exec', 'kubectl auth can-i get pods --subresource=exec'],
      ['/var/x', 'you may not get pods/exec', 'kubectl auth can-i get pods --subresource=exec']
    ])
    expect([notes, existsSync(path.join(world.root, 'data')), world.text('etc/app/a')]).toEqual([[], false, '1'])
  })

  it('are no longer wanted in the middle', async () => {
    const stop = new AbortController()
    const world = await setup({
      request: { signal: stop.signal },
      token: async () => {
        stop.abort(new DOMException('stopped', 'AbortError'))
        return undefined
      }
    })
    await expect(world.mounting).rejects.toMatchObject({ name: 'AbortError' })
    expect([existsSync(world.root), readdirSync(world.run)]).toEqual([false, []])
  })
})

describe('while a session runs', () => {
  it('files follow their objects, and a subPath does not', async () => {
    const world = await setup()
    await world.opened()
    world.objects.apply(map('app', { a: 'new', c: '3' }), map('maybe', { x: 'y' }))
    await eventually(() => world.said.length === 2)
    expect([
      world.text('etc/app/a'),
      world.text('etc/app/c'),
      existsSync(path.join(world.root, 'etc/app/b')),
      world.text('etc/maybe/x'),
      world.text('etc/one.yaml')
    ]).toEqual(['new', '3', false, 'y', '1'])
    expect(world.said).toEqual([
      '/etc/app changed: a (configmap/app:a), c (configmap/app:c), removed b',
      '/etc/maybe changed: x (configmap/maybe:x)'
    ])
  })

  it('what is deleted leaves its files, unless it is optional', async () => {
    const world = await setup({ objects: [...OBJECTS, map('maybe', { x: 'y' })] })
    await world.opened()
    world.objects.remove('ConfigMap', 'app')
    world.objects.remove('ConfigMap', 'maybe')
    await eventually(() => !existsSync(path.join(world.root, 'etc/maybe/x')))
    await eventually(() => world.said.includes('ConfigMap app is gone: its files stay as they were'))
    expect(world.text('etc/app/a')).toBe('1')
  })

  it('what was missing comes when it is there', async () => {
    const world = await setup({ objects: [POD] })
    expect((await world.opened()).missing.map(({ what }) => what)).toContain('/etc/db')
    world.objects.apply({ kind: 'Secret', metadata: { name: 'db' }, data: { password: 'eA==' } })
    await eventually(() => world.text('etc/db/password') === 'x')
  })

  it('labels follow the pod, and its end is said once', async () => {
    const world = await setup()
    await world.opened()
    world.objects.apply({ ...POD, metadata: { ...POD.metadata, labels: { app: 'web', new: 'x' } } })
    await eventually(() => world.text('run/all/labels') === 'app="web"\nnew="x"')
    world.objects.remove('Pod', 'web-0')
    world.objects.apply(map('app', { a: 'later' }))
    await eventually(() => world.text('etc/app/a') === 'later')
    expect(world.said.filter(line => line.startsWith('pod web-0 is gone'))).toHaveLength(1)
  })

  it.each([
    ['told beforehand', { unwatched: true }],
    ['seen when it is tried', { forbid: ['watch configmaps', 'watch secrets', 'watch pods'] }]
  ])('objects are asked for where they may not be watched, %s', async (_how, options) => {
    const world = await setup(options)
    await world.opened()
    await eventually(() => world.clock.pending >= 4) // timers of ConfigMaps, Secret, pod and token
    world.objects.apply(map('app', { a: 'asked' }))
    await world.clock.advance(3_000)
    await eventually(() => world.text('etc/app/a') === 'asked')
    await open.pop()?.close()
    expect(world.clock.pending).toBe(0)
  })

  it('a token is renewed after 80 % of its life, and again when that fails', async () => {
    let answers = 0
    const world = await setup({
      token: async () => {
        answers += 1
        if (answers === 2) throw new InterceptError('CLUSTER_UNREACHABLE', 'away')
        return { token: `token ${answers}`, expiresAt: new Date(world.clock.date().getTime() + 1_000_000) }
      }
    })
    await world.opened()
    await world.clock.advance(799_000)
    expect([answers, world.text('run/all/token')]).toEqual([1, 'token 1'])
    await world.clock.advance(6_000)
    await eventually(() => answers === 2)
    await eventually(async () => {
      await world.clock.advance(5_000)
      return world.text('run/all/token') === 'token 3'
    })
    await eventually(() => expect(world.said).toEqual(['/run/all changed: token (token)']))
  })

  it('a folder that the person moved away is made anew, and one that leads elsewhere is not entered', async () => {
    const world = await setup()
    const mounted = await world.opened()
    rmSync(path.join(world.root, 'etc/app'), { recursive: true })
    world.objects.apply(map('app', { a: 'again' }))
    await eventually(() => existsSync(path.join(world.root, 'etc/app/a')))
    const aside = path.join(path.dirname(world.root), 'aside')
    renameSync(path.join(world.root, 'etc'), aside)
    writeFileSync(path.join(world.root, 'etc'), '')
    world.objects.apply(map('app', { a: 'no' }))
    await eventually(() => world.said.some(line => line.startsWith('/etc/app stays as it was')))
    expect(readFileSync(path.join(aside, 'app/a'), 'utf8')).toBe('again')
    rmSync(path.join(world.root, 'etc'))
    mkdirSync(path.join(world.root, 'etc'))
    await mounted.close()
    expect(existsSync(world.root)).toBe(false)
  })
})
