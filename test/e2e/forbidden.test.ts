/** What a user sees who may do little, or whose kubeconfig leads nowhere: the code, a command to type, the exit status. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { article } from './manifests.ts'
import { kubeconfigOf, READER, type Rule, user } from './user.ts'
import { endAll, intercept, kubectl, localApp, plugin, type World, who, world } from './world.ts'
import { crowd, tally } from '../harness/visitors.ts'

let one: World
let app: Awaited<ReturnType<typeof localApp>>
const start = (...args: string[]): ReturnType<typeof plugin> =>
  plugin('svc/nginx', '-n', one.namespace, '--port', String(app.port), ...args)
const as = (name: string, rules: readonly Rule[]): string => user(one, name, rules).kubeconfig

beforeAll(async () => {
  one = await world('forbidden', article())
  app = await localApp()
})
afterAll(() => {
  endAll()
  one.remove()
})

/** Every hint of the form `kubectl auth can-i …` is typed in, by the same user: kubectl must understand it and answer no. */
function deniedByKubectl(stderr: string, kubeconfig: string): string {
  const [, question] = /kubectl (auth can-i [^;\n]*)/.exec(stderr) ?? []
  if (question === undefined) throw new Error(`no can-i in: ${stderr}`)
  try {
    return kubectl([...question.trim().split(' '), '--kubeconfig', kubeconfig]).trim()
  } catch (error) {
    const { stdout = '', stderr: warned = '' } = error as { stdout?: string; stderr?: string }
    return `${warned}${stdout}`.trim()
  }
}

describe('a user with little rights', () => {
  it.each([
    ['nothing', [], 'may not list services'],
    ['no pods', READER.map(rule => ({ ...rule, resources: rule.resources.filter(each => each !== 'pods') })), 'may not list pods']
  ] as const)('is told which right is missing: %s', (name, rules, missing) => {
    const kubeconfig = as(name.replace(' ', '-'), rules)
    const { status, stderr, stdout } = start('--kubeconfig', kubeconfig)
    expect(stderr).toContain(missing)
    expect(stderr).toContain('code:  CLUSTER_FORBIDDEN')
    expect(stderr).toContain('--tunnel-server URL --tunnel-id UUID')
    expect({ status, stdout }).toEqual({ status: 4, stdout: '' })
    expect(deniedByKubectl(stderr, kubeconfig)).toBe('no')
  })

  it('is told that a port-forward is forbidden when nothing else was allowed', () => {
    const kubeconfig = as('forwardless', READER)
    const { status, stderr } = start('--via', 'port-forward', '--kubeconfig', kubeconfig)
    expect(stderr).toMatch(/may not \w+ pods\/portforward/)
    expect(stderr).toContain('code:  CLUSTER_FORBIDDEN')
    expect(status).toBe(4)
    expect(deniedByKubectl(stderr, kubeconfig)).toBe('no')
  })

  it('is told how each way failed when there is none', () => {
    const kubeconfig = as('wayless', READER)
    one.kubectl('delete', 'ingress', 'nginx')
    try {
      const { status, stderr } = start('--kubeconfig', kubeconfig)
      expect(stderr).toContain('code:  ROUTE_UNAVAILABLE')
      for (const kind of ['ingress', 'port-forward', 'service-proxy']) expect(stderr).toContain(kind)
      expect(status).toBe(6)
    } finally {
      one.apply(article())
    }
    return one.served()
  })

  it('intercepts by the ingress with the right to read alone', async () => {
    const session = intercept(one.namespace, 'svc/nginx', '--port', String(app.port), '--kubeconfig', as('ingress-only', READER))
    try {
      await session.state('verified')
      expect(await session.event('route.chosen')).toMatchObject({ kind: 'ingress', covers: 'all' })
      expect(tally(await crowd({ ...one.visitor, count: 200 }), who)).toEqual({ laptop: 200 })
    } finally {
      expect(await session.stop()).toBe(0)
    }
  })

  it('lists what it may see, and says what it may not', () => {
    const { status, stderr } = plugin('list', '-n', one.namespace, '--kubeconfig', as('blind', []))
    expect(stderr).toContain('may not list pods')
    expect(status).toBe(4)
    const reader = plugin('list', '-n', one.namespace, '--kubeconfig', as('seeing', READER))
    expect(reader).toMatchObject({ status: 0, stdout: expect.stringMatching(/nginx +deployment\/nginx +nginx\.local/) })
    const everywhere = plugin('list', '-A', '--kubeconfig', as('here-only', READER))
    expect(everywhere.stderr).toContain('may not list pods in all namespaces')
    expect(everywhere.status).toBe(4)
  })

  it('is told when the target does not exist, with names that do', () => {
    const kubeconfig = as('lost', READER)
    const { status, stderr } = plugin('svc/ngins', '-n', one.namespace, '--port', '1', '--kubeconfig', kubeconfig)
    expect(stderr).toContain('code:  TARGET_NOT_FOUND')
    expect(stderr).toContain('nginx')
    expect(status).toBe(5)
  })
})

describe('a kubeconfig that leads nowhere', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'intercept-kubeconfigs-'))
  const file = (name: string, text: string): string => {
    writeFileSync(path.join(folder, name), text)
    return path.join(folder, name)
  }

  it.each<[string, () => string[], string, number]>([
    ['a token that is not accepted', () => ['--kubeconfig', kubeconfigOf('stranger', { token: 'not-a-token' })], 'CLUSTER_UNAUTHORIZED', 4],
    ['an API server that does not answer', () => ['--server', 'https://127.0.0.1:1'], 'CLUSTER_UNREACHABLE', 4],
    ['a context that does not exist', () => ['--context', 'elsewhere'], 'KUBECONFIG_INVALID', 3],
    ['a file that does not exist', () => ['--kubeconfig', path.join(folder, 'absent')], 'KUBECONFIG_INVALID', 3],
    ['a file that is not YAML', () => ['--kubeconfig', file('broken', 'clusters: [{')], 'KUBECONFIG_INVALID', 3]
  ])('is told: %s', (_, flags, code, exit) => {
    const { status, stderr, stdout } = start(...flags())
    expect(stderr).toContain(`code:  ${code}`)
    expect(stderr).toMatch(/^hint: {2}.*(?:kubectl|ls -l) /m)
    expect(stderr).not.toContain('not-a-token')
    expect({ status, stdout }).toEqual({ status: exit, stdout: '' })
  })

  it('says it as one JSON line with -o json', () => {
    const { status, stdout, stderr } = start('--context', 'elsewhere', '-o', 'json')
    const last = JSON.parse(`${stdout}${stderr}`.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
    expect(last).toMatchObject({ type: 'error', code: 'KUBECONFIG_INVALID', hint: expect.stringContaining('kubectl') })
    expect(status).toBe(3)
  })
})
