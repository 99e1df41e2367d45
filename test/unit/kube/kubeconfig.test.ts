import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inClusterAccess } from '../../../src/kube/in-cluster.ts'
import { type KubeFlags, loadClusterAccess, loadMerged } from '../../../src/kube/kubeconfig.ts'
import type { ClusterEntry, KubeconfigFile, UserEntry } from '../../../src/kube/kubeconfig-file.ts'
import { requestTimeoutMs } from '../../../src/kube/kubeconfig-overrides.ts'

const corpus = path.join(import.meta.dirname, '../../fixtures/kubeconfigs')
const files = readdirSync(corpus).filter(name => name.endsWith('.yaml'))
const at = (name: string): string => path.join(corpus, name)
const kubectl = ['/usr/bin/kubectl', '/usr/local/bin/kubectl'].find(existsSync)
let home = ''
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'kubeconfig-'))
})
afterAll(() => rm(home, { recursive: true }))

/** What `kubectl config view --flatten --raw -o json` prints, from our entries: files inlined, empty fields left out. */
function flattened(config: KubeconfigFile): unknown {
  const read = (file: string | undefined): string | undefined => (file === undefined ? undefined : readFileSync(file, 'utf8'))
  const base64 = (data: string | undefined): string | undefined => (data === undefined ? undefined : Buffer.from(data).toString('base64'))
  const cluster = (entry: ClusterEntry): unknown => ({
    server: entry.server,
    'tls-server-name': entry.tlsServerName,
    'insecure-skip-tls-verify': entry.insecureSkipTlsVerify || undefined,
    'certificate-authority-data': base64(entry.certificateAuthorityData ?? read(entry.certificateAuthority)),
    'proxy-url': entry.proxyUrl,
    'disable-compression': entry.disableCompression || undefined,
    extensions: entry.execConfig === undefined ? undefined : [{ name: 'client.authentication.k8s.io/exec', extension: entry.execConfig }]
  })
  const user = (entry: UserEntry): unknown => ({
    'client-certificate-data': base64(entry.clientCertificateData ?? read(entry.clientCertificate)),
    'client-key-data': base64(entry.clientKeyData ?? read(entry.clientKey)),
    token: entry.token,
    tokenFile: entry.tokenFile,
    as: entry.impersonate,
    'as-uid': entry.impersonateUid,
    'as-groups': entry.impersonateGroups,
    'as-user-extra': entry.impersonateExtra,
    username: entry.username,
    password: entry.password,
    'auth-provider': entry.authProvider,
    exec: entry.exec === undefined ? undefined : { ...entry.exec, provideClusterInfo: entry.exec.provideClusterInfo || undefined }
  })
  const named = <T>(entries: Map<string, T>, key: string, shape: (entry: T) => unknown): unknown =>
    [...entries].map(([name, entry]) => ({ name, [key]: shape(entry) })).sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    'current-context': config.currentContext,
    clusters: named(config.clusters, 'cluster', cluster),
    users: named(config.users, 'user', user),
    contexts: named(config.contexts, 'context', entry => entry)
  }
}

/** Without empty values, `kind` and what we do not keep (extensions of contexts, preferences), so that both sides look the same. */
function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, pruned(inner)] as const)
    .filter(([key, inner]) => {
      const empty = typeof inner === 'object' && inner !== null && Object.keys(inner).length === 0
      return inner !== undefined && inner !== null && inner !== '' && !empty && !['kind', 'apiVersion', 'preferences'].includes(key)
    })
  return Object.fromEntries(kept)
}

interface Viewed {
  contexts?: { context?: { extensions?: unknown } }[] | null
  users?: { user?: { tokenFile?: string; exec?: { command: string; provideClusterInfo?: boolean } } }[] | null
}

/** `config view` shows paths as they stand in the file, whereas everything else of kubectl resolves them. */
function resolved(config: Viewed): unknown {
  for (const entry of config.contexts ?? []) delete entry.context?.extensions
  for (const { user } of config.users ?? []) {
    if (user?.tokenFile !== undefined) user.tokenFile = path.resolve(corpus, user.tokenFile)
    if (user?.exec?.command.includes('/') === true) user.exec.command = path.resolve(corpus, user.exec.command)
    if (user?.exec?.provideClusterInfo === false) delete user.exec.provideClusterInfo
  }
  return config
}

function viewed(env: Record<string, string>, args: string[] = []): { ok: boolean; config: unknown } {
  const result = spawnSync(kubectl ?? '', ['config', 'view', '--flatten', '--raw', '-o', 'json', ...args], {
    encoding: 'utf8',
    cwd: corpus,
    env: { PATH: process.env['PATH'], HOME: home, ...env }
  })
  return { ok: result.status === 0, config: result.status === 0 ? resolved(JSON.parse(result.stdout) as Viewed) : result.stderr }
}

async function ours(flags: KubeFlags, env: Record<string, string> = {}): Promise<{ ok: boolean; config: unknown }> {
  return loadMerged(flags, env, home).then(
    ({ config }) => ({ ok: true, config: flattened(config) }),
    (error: unknown) => ({ ok: false, config: error })
  )
}

describe.skipIf(kubectl === undefined)('read as the real kubectl reads it (skipped: no kubectl on this machine)', () => {
  test('the corpus is large enough', () => {
    expect(files.length).toBeGreaterThanOrEqual(20)
  })

  test.each(files)('%s', async name => {
    const theirs = viewed({}, ['--kubeconfig', at(name)])
    const mine = await ours({ kubeconfig: at(name) })
    expect(mine.ok).toBe(theirs.ok)
    if (theirs.ok) expect(JSON.parse(JSON.stringify(pruned(mine.config)))).toEqual(pruned(theirs.config))
    else expect(mine.config).toMatchObject({ code: 'KUBECONFIG_INVALID', message: expect.stringContaining(name) })
  })

  test.each([
    [['many.yaml', 'token.yaml']],
    [['token.yaml', 'many.yaml']],
    [['no-current.yaml', 'missing.yaml', 'relative-paths.yaml', 'nested/relative-below.yaml']],
    [['nested/relative-below.yaml', 'relative-paths.yaml']],
    [['', 'many.yaml', '', 'many.yaml']],
    [['empty.yaml', 'comment.yaml']],
    [['missing.yaml']],
    [['many.yaml', 'invalid-yaml.yaml']]
  ])('KUBECONFIG=%j', async names => {
    const env = { KUBECONFIG: names.map(name => (name === '' ? '' : at(name))).join(':') }
    const theirs = viewed(env)
    const mine = await ours({}, env)
    expect(mine.ok).toBe(theirs.ok)
    if (theirs.ok) expect(JSON.parse(JSON.stringify(pruned(mine.config)))).toEqual(pruned(theirs.config))
  })
})

describe('choosing', () => {
  const many = { kubeconfig: at('many.yaml') }
  const access = (flags: KubeFlags, env: Record<string, string> = {}) => loadClusterAccess(flags, env, home)

  test('takes the current context, else the one that is named', async () => {
    expect(await access(many)).toMatchObject({ context: 'two', clusterName: 'two', userName: 'second', namespace: 'team-two' })
    expect(await access({ ...many, context: 'one' })).toMatchObject({
      cluster: { server: 'https://one.example.com' },
      namespace: 'default'
    })
  })

  test('flags replace parts of the context', async () => {
    expect(await access({ ...many, cluster: 'one', user: 'first', namespace: 'mine' })).toMatchObject({
      context: 'two',
      cluster: { server: 'https://one.example.com' },
      user: { token: 'first-token' },
      namespace: 'mine'
    })
    expect(await access({ ...many, server: 'https://elsewhere:1' })).toMatchObject({ cluster: { server: 'https://elsewhere:1' } })
  })

  test('a context without a user is anonymous', async () => {
    expect((await access({ ...many, context: 'anonymous' })).user.token).toBeUndefined()
  })

  test('a server flag needs no kubeconfig', async () => {
    expect(await access({ server: 'http://localhost:8001' })).toMatchObject({
      cluster: { server: 'http://localhost:8001' },
      namespace: 'default'
    })
  })

  test.each([
    [{ context: 'tow' }, 'context "tow" does not exist', 'did you mean two?'],
    [{ cluster: 'on' }, 'cluster "on" does not exist', 'did you mean one?'],
    [{ user: 'third' }, 'user "third" does not exist', 'kubectl config get-users'],
    [{ context: 'dangling' }, 'cluster "nowhere" does not exist', 'kubectl config get-clusters']
  ])('%j names what does not exist and what may be meant', async (flags, message, hint) => {
    await expect(access({ ...many, ...flags })).rejects.toMatchObject({
      code: 'KUBECONFIG_INVALID',
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint)
    })
  })

  test('says where it looked when there is no kubeconfig at all', async () => {
    await expect(access({})).rejects.toMatchObject({
      code: 'KUBECONFIG_INVALID',
      message: `no kubeconfig found (looked at ${home}/.kube/config)`,
      hint: expect.stringContaining('--kubeconfig')
    })
  })

  test('says that no current context is set', async () => {
    await expect(access({ kubeconfig: at('no-current.yaml') })).rejects.toMatchObject({
      message: expect.stringContaining('no current context'),
      hint: expect.stringContaining('--context')
    })
  })

  test('names file and field of what is wrong', async () => {
    await expect(access({ kubeconfig: at('invalid-flag.yaml') })).rejects.toMatchObject({
      message: `kubeconfig ${at('invalid-flag.yaml')}: clusters[0].cluster.insecure-skip-tls-verify is neither true nor false`,
      details: { field: 'clusters[0].cluster.insecure-skip-tls-verify' }
    })
    await expect(access({ kubeconfig: at('invalid-yaml.yaml') })).rejects.toMatchObject({ message: expect.stringContaining('line ') })
  })

  test('lines may end as on Windows', async () => {
    const file = path.join(home, 'crlf')
    await writeFile(file, readFileSync(at('token.yaml'), 'utf8').replaceAll('\n', '\r\n'))
    expect(await access({ kubeconfig: file })).toMatchObject({ context: 'staging', namespace: 'shop', user: { token: 'abc.def.ghi' } })
  })

  test('a file named by --kubeconfig has to exist', async () => {
    await expect(access({ kubeconfig: '/nowhere/config' })).rejects.toMatchObject({ message: 'kubeconfig /nowhere/config: no such file' })
  })
})

describe('flags', () => {
  const access = (flags: KubeFlags) => loadClusterAccess(flags, {}, home)

  test('--insecure-skip-tls-verify and --certificate-authority replace what the file trusts', async () => {
    const file = { kubeconfig: at('kind.yaml') }
    expect((await access({ ...file, insecureSkipTlsVerify: true })).cluster).toMatchObject({
      insecureSkipTlsVerify: true,
      certificateAuthorityData: undefined
    })
    expect((await access({ kubeconfig: at('token.yaml'), certificateAuthority: '/ca.pem' })).cluster).toMatchObject({
      insecureSkipTlsVerify: false,
      certificateAuthority: '/ca.pem'
    })
  })

  test('another server takes the TLS name of the file away', async () => {
    const file = { kubeconfig: at('token-file.yaml') }
    expect((await access(file)).cluster.tlsServerName).toBe('real.example.com')
    expect((await access({ ...file, server: 'https://b' })).cluster.tlsServerName).toBeUndefined()
    expect((await access({ ...file, server: 'https://b', tlsServerName: 'c' })).cluster.tlsServerName).toBe('c')
  })

  test('--token replaces the token file, and does not go with a user name', async () => {
    expect((await access({ kubeconfig: at('token-file.yaml'), token: 'x' })).user).toMatchObject({ token: 'x', tokenFile: undefined })
    await expect(access({ kubeconfig: at('basic.yaml'), token: 'x' })).rejects.toMatchObject({ code: 'KUBECONFIG_INVALID' })
  })

  test('--as-group needs --as', async () => {
    await expect(access({ kubeconfig: at('token.yaml'), asGroup: ['dev'] })).rejects.toMatchObject({
      code: 'BAD_USAGE',
      hint: 'add --as=USER'
    })
  })

  test.each([
    ['30', 30_000],
    ['0', 0],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['', undefined],
    [undefined, undefined]
  ])('--request-timeout=%s is %s ms', (text, ms) => {
    expect(requestTimeoutMs(text)).toBe(ms)
  })

  test.each(['abc', '5 s', '1x', '-1s', 's'])('--request-timeout=%s is refused', text => {
    expect(() => requestTimeoutMs(text)).toThrow(expect.objectContaining({ code: 'BAD_USAGE' }))
  })
})

describe('inside a pod', () => {
  test('takes the service account', async () => {
    await writeFile(path.join(home, 'token'), 'sa-token')
    await writeFile(path.join(home, 'ca.crt'), 'CA')
    await writeFile(path.join(home, 'namespace'), 'team\n')
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
    expect(await inClusterAccess(env, home)).toMatchObject({
      namespace: 'team',
      cluster: { server: 'https://[fd00::1]:443', certificateAuthority: `${home}/ca.crt` },
      user: { tokenFile: `${home}/token` }
    })
    expect(await inClusterAccess({}, home)).toBeUndefined()
    expect(await inClusterAccess(env, path.join(home, 'nothing'))).toBeUndefined()
  })
})
