import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { parseExecCredential } from '../../../src/kube/exec-plugin.ts'
import type { Cluster } from '../../../src/kube/types.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { FAKE_TOKEN, type FakeKubernetes, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

const V1 = 'client.authentication.k8s.io/v1'
const env = { PATH: process.env['PATH'], FROM_US: 'yes' }

/** A fake API server whose kubeconfig has this user; plugins are shell scripts in `bin/` beside it. */
async function withUser(user: Record<string, unknown>, scripts: Record<string, string> = {}): Promise<[FakeKubernetes, string]> {
  const fake = await startFakeKubernetes()
  open.push(fake)
  const folder = path.dirname(fake.kubeconfigPath)
  await mkdir(path.join(folder, 'bin'))
  for (const [name, body] of Object.entries(scripts)) {
    await writeFile(path.join(folder, 'bin', name), `#!/bin/sh\ncd "$(dirname "$0")"\n${body}\n`)
    await chmod(path.join(folder, 'bin', name), 0o755)
  }
  await writeFile(fake.kubeconfigPath, JSON.stringify({ ...fake.kubeconfig, users: [{ name: 'developer', user }] }))
  return [fake, folder]
}

async function connect(fake: FakeKubernetes, options: Parameters<typeof connectToFake>[1] = {}): Promise<Cluster> {
  const cluster = await connectToFake(fake, { env, ...options })
  open.push(cluster)
  return cluster
}

const exec = (more: Record<string, unknown> = {}) => ({
  exec: { apiVersion: V1, command: './bin/plugin', interactiveMode: 'Never', ...more }
})
const prints = (status: Record<string, unknown>): string =>
  `echo run >> runs; cat <<'END'\n${JSON.stringify({ apiVersion: V1, kind: 'ExecCredential', status })}\nEND`
const runs = async (folder: string): Promise<number> => (await readFile(path.join(folder, 'bin/runs'), 'utf8')).trim().split('\n').length

describe('a credential plugin', () => {
  test('gives the token, once for many requests at the same time', async () => {
    const [fake, folder] = await withUser(exec(), { plugin: `sleep 0.1; ${prints({ token: FAKE_TOKEN })}` })
    const cluster = await connect(fake)
    await Promise.all([1, 2, 3, 4].map(() => cluster.list('pods', {})))
    await cluster.list('pods', {})
    expect(await runs(folder)).toBe(1)
  })

  test('is asked again when its token is refused', async () => {
    const [fake, folder] = await withUser(exec(), { plugin: `echo run >> runs; cat answer` })
    const answer = (token: string): Promise<void> =>
      writeFile(path.join(folder, 'bin/answer'), JSON.stringify({ apiVersion: V1, kind: 'ExecCredential', status: { token } }))
    await answer(FAKE_TOKEN)
    const cluster = await connect(fake)
    await cluster.list('pods', {})
    fake.tokens.clear()
    fake.tokens.add('second')
    await answer('second')
    expect(await cluster.list('pods', {})).toEqual([])
    expect(await runs(folder)).toBe(2)
    await answer('wrong')
    fake.tokens.delete('second')
    await expect(cluster.list('pods', {})).rejects.toMatchObject({ code: 'CLUSTER_UNAUTHORIZED' })
  })

  test('is asked again when what it gave has expired', async () => {
    const [fake, folder] = await withUser(exec(), { plugin: prints({ token: FAKE_TOKEN, expirationTimestamp: '2020-01-01T00:00:00Z' }) })
    const cluster = await connect(fake)
    await cluster.list('pods', {})
    await cluster.list('pods', {})
    expect(await runs(folder)).toBeGreaterThan(1)
  })

  test('may give a client certificate', async () => {
    const certs = path.join(import.meta.dirname, '../../fixtures/certs')
    const [clientCertificateData, clientKeyData] = await Promise.all(
      ['server.pem', 'server.key'].map(name => readFile(path.join(certs, name), 'utf8'))
    )
    const [fake] = await withUser(exec(), { plugin: prints({ clientCertificateData, clientKeyData }) })
    const cluster = await connect(fake)
    await cluster.list('pods', {})
    expect(fake.requests[0]).toMatchObject({ certificate: 'tunnel.test', verb: 'list' })
    expect(fake.requests[0]?.headers.authorization).toBeUndefined()
  })

  test('sees our environment, its own, and KUBERNETES_EXEC_INFO with the cluster', async () => {
    const plugin = `echo "$KUBERNETES_EXEC_INFO" > info; echo "$FROM_US-$EXTRA-$1" > env; ${prints({ token: FAKE_TOKEN })}`
    const [fake, folder] = await withUser(exec({ provideClusterInfo: true, env: [{ name: 'EXTRA', value: 'e x' }], args: ['an arg'] }), {
      plugin
    })
    await (await connect(fake)).list('pods', {})
    const info = JSON.parse(await readFile(path.join(folder, 'bin/info'), 'utf8')) as Record<string, unknown>
    expect(info).toMatchObject({
      kind: 'ExecCredential',
      apiVersion: V1,
      spec: {
        interactive: false,
        cluster: {
          server: fake.url,
          'certificate-authority-data': fake.kubeconfig.clusters[0]?.cluster['certificate-authority-data'],
          config: null
        }
      }
    })
    expect(await readFile(path.join(folder, 'bin/env'), 'utf8')).toBe('yes-e x-an arg\n')
  })

  test('is not told about the cluster unless it asks', async () => {
    const [fake, folder] = await withUser(exec(), { plugin: `echo "$KUBERNETES_EXEC_INFO" > info; ${prints({ token: FAKE_TOKEN })}` })
    await (await connect(fake)).list('pods', {})
    expect(JSON.parse(await readFile(path.join(folder, 'bin/info'), 'utf8'))).toEqual({
      kind: 'ExecCredential',
      apiVersion: V1,
      spec: { interactive: false }
    })
  })

  test('is found in PATH when it has no slash', async () => {
    const [fake, folder] = await withUser(exec({ command: 'plugin' }), { plugin: prints({ token: FAKE_TOKEN }) })
    const cluster = await connect(fake, { env: { PATH: `${path.join(folder, 'bin')}:${process.env['PATH'] ?? ''}` } })
    expect(await cluster.list('pods', {})).toEqual([])
  })

  test('is not asked when a token is given beside it', async () => {
    const [fake, folder] = await withUser(exec(), { plugin: prints({ token: 'plugin' }) })
    const cluster = await connect(fake, { token: FAKE_TOKEN })
    await cluster.list('pods', {})
    expect(existsSync(path.join(folder, 'bin/runs'))).toBe(false)
  })

  test('that is missing shows its install hint', async () => {
    const [fake] = await withUser(exec({ command: 'no-such-plugin', installHint: '\u001b[31mInstall it from example.com.\u001b[0m\n' }))
    await expect((await connect(fake)).list('pods', {})).rejects.toMatchObject({
      code: 'CLUSTER_CREDENTIALS',
      message: 'credential plugin of user developer: no-such-plugin was not found',
      hint: 'Install it from example.com.'
    })
  })

  test('that fails is quoted with its last words', async () => {
    const [fake] = await withUser(exec(), { plugin: 'echo "session expired, run login" >&2; exit 7' })
    await expect((await connect(fake)).list('pods', {})).rejects.toMatchObject({
      code: 'CLUSTER_CREDENTIALS',
      message: expect.stringMatching(/ended with exit code 7: session expired, run login$/)
    })
  })

  test('that needs a person is not run without a terminal', async () => {
    const [fake, folder] = await withUser(exec({ interactiveMode: 'Always' }), { plugin: prints({ token: FAKE_TOKEN }) })
    await expect((await connect(fake)).list('pods', {})).rejects.toMatchObject({
      code: 'CLUSTER_CREDENTIALS',
      message: expect.stringContaining('needs a terminal')
    })
    expect(existsSync(path.join(folder, 'bin/runs'))).toBe(false)
  })

  test('of an unknown version is refused by name', async () => {
    const [fake] = await withUser(exec({ apiVersion: 'client.authentication.k8s.io/v1alpha1' }))
    await expect((await connect(fake)).list('pods', {})).rejects.toMatchObject({
      code: 'CLUSTER_CREDENTIALS',
      message: expect.stringContaining('v1alpha1 is not supported')
    })
  })

  test.each([
    ['not json', 'did not print JSON'],
    ['[]', 'did not print an ExecCredential'],
    [`{"kind":"ExecCredential","apiVersion":"x/v1","status":{}}`, 'answered in x/v1'],
    [`{"kind":"ExecCredential","apiVersion":"${V1}"}`, 'neither a token nor a certificate'],
    [`{"kind":"ExecCredential","apiVersion":"${V1}","status":{"clientKeyData":"secret-key"}}`, 'without its key']
  ])('that prints %s is refused without quoting it', (stdout, message) => {
    expect(() => parseExecCredential(stdout, { command: 'plugin' }, V1)).toThrow(
      expect.objectContaining({ code: 'CLUSTER_CREDENTIALS', message: expect.stringContaining(message) })
    )
    expect(() => parseExecCredential(stdout, { command: 'plugin' }, V1)).not.toThrow('secret-key')
  })
})

test('an auth provider that kubectl no longer knows is named', async () => {
  const [fake] = await withUser({ 'auth-provider': { name: 'gcp', config: {} } })
  await expect((await connect(fake)).list('pods', {})).rejects.toMatchObject({
    code: 'CLUSTER_CREDENTIALS',
    message: expect.stringContaining('auth-provider gcp no longer exists')
  })
})

test('an OIDC token that is still valid is sent', async () => {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const idToken = `${part({ alg: 'none' })}.${part({ exp: 4_000_000_000 })}.x`
  const [fake] = await withUser({
    'auth-provider': { name: 'oidc', config: { 'client-id': 'k', 'id-token': idToken, 'idp-issuer-url': 'https://x' } }
  })
  fake.tokens.add(idToken)
  expect(await (await connect(fake)).list('pods', {})).toEqual([])
})

const kubectl = ['/usr/bin/kubectl', '/usr/local/bin/kubectl'].find(existsSync)

/** What `kubectl get --raw` sent to the fake API server. */
function runKubectl(fake: FakeKubernetes, args: string[]): Promise<string> {
  return new Promise(resolve => {
    const child = spawn(kubectl ?? '', ['--kubeconfig', fake.kubeconfigPath, ...args, 'get', '--raw', '/api/v1/namespaces/default/pods'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...env, HOME: '/nonexistent' }
    })
    let output = ''
    child.stderr.on('data', chunk => (output += String(chunk)))
    child.on('close', () => resolve(output))
  })
}

describe.skipIf(kubectl === undefined)('sends who we are as the real kubectl does (skipped: no kubectl on this machine)', () => {
  const certs = path.join(import.meta.dirname, '../../fixtures/certs')
  const tokenFile = path.join(import.meta.dirname, '../../fixtures/kubeconfigs/nested/token')
  const plugin = prints({ token: 'from-plugin' })
  const cases: [string, Record<string, unknown>, Parameters<typeof connectToFake>[1], string[]][] = [
    ['a token', { token: 'abc' }, {}, []],
    ['a token over a token', { token: 'abc' }, { token: 'flag' }, ['--token=flag']],
    ['a user name and password', { username: 'admin', password: 'p:ä' }, {}, []],
    ['a token file beside a token', { token: 'abc', tokenFile }, {}, []],
    ['a plugin', exec(), {}, []],
    ['a plugin and a token flag', exec(), { token: 'flag' }, ['--token=flag']],
    ['a plugin and a certificate', { ...exec(), 'client-certificate': `${certs}/server.pem`, 'client-key': `${certs}/server.key` }, {}, []],
    ['a certificate and a token', { token: 't', 'client-certificate': `${certs}/server.pem`, 'client-key': `${certs}/server.key` }, {}, []],
    [
      'impersonation in the file',
      { token: 't', as: 'a', 'as-uid': '7', 'as-groups': ['g', 'h'], 'as-user-extra': { 'x/Y z': ['1'] } },
      {},
      []
    ],
    [
      'impersonation by flags',
      { token: 't', as: 'a', 'as-groups': ['g'] },
      { as: 'b', asGroup: ['x', 'y'], asUid: '1' },
      ['--as=b', '--as-group=x', '--as-group=y', '--as-uid=1']
    ],
    ['nothing', {}, {}, []]
  ]
  test.each(cases)('%s', async (_name, user, options, args) => {
    const [fake] = await withUser(user, { plugin })
    const identity = () =>
      fake.requests.map(({ headers, certificate }) => ({
        certificate,
        ...Object.fromEntries(Object.entries(headers).filter(([name]) => name === 'authorization' || name.startsWith('impersonate-')))
      }))
    const output = await runKubectl(fake, args)
    const theirs = identity()[0]
    if (theirs === undefined) throw new Error(`kubectl sent nothing: ${output}`)
    fake.requests.length = 0
    await (await connect(fake, options)).list('pods', {}).catch(() => {})
    expect(identity()[0]).toEqual(theirs)
  })
})
