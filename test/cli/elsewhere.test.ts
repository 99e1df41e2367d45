/** The same names stand in several clusters and namespaces: commands mean the sessions of the place that the flags and the kubeconfig name. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Parts } from '../../src/cli/parts.ts'
import type { KubeFlags } from '../../src/kube/kubeconfig.ts'
import type { Cluster } from '../../src/kube/types.ts'
import type { InterceptContext, InterceptRequest } from '../../src/session/request.ts'
import { eventually } from '../harness/eventually.ts'
import { bodyOf } from '../unit/event/samples.ts'
import { aborted } from './fake-session.ts'
import { runCli } from './run-cli.ts'

let home: string
let running: Promise<unknown>[] = []
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'e-'))
})
afterEach(async () => {
  await runCli(['leave', '--all'], { home, parts: clusters })
  await Promise.all(running)
  running = []
  await rm(home, { recursive: true, force: true })
})

const clusters: Partial<Parts> = {
  connectCluster: () =>
    Promise.resolve(({ context = 'dev', namespace = 'shop' }: KubeFlags) =>
      Promise.resolve({ context, namespace, server: `https://${context}:6443`, close: () => Promise.resolve() } as unknown as Cluster)
    )
}

/** `nginx` of the context and namespace of its flags. */
const nginx = async (_request: InterceptRequest, { events, connect, commands, drain, pid }: InterceptContext): Promise<number> => {
  const { context, namespace, server } = await connect()
  events.emit('session.started', { ...bodyOf('session.started'), pid, cluster: { context, server }, targets: ['nginx'] })
  events.emit('plan.resolved', { ...bodyOf('plan.resolved'), namespace }, { target: 'nginx' })
  commands.on('set', () =>
    Promise.resolve({ targets: [{ target: `${context}/${namespace}`, changed: true, state: 'held', weight: 255, share: 1, thinning: 1 }] })
  )
  await aborted(drain)
  return 0
}

async function start(pid: number, ...flags: string[]): Promise<void> {
  const parts = { ...clusters, runIntercept: () => Promise.resolve(nginx) }
  running.push(runCli(['svc/nginx', ...flags], { parts, home, pid }))
  await eventually(async () => expect(await readdir(path.join(home, '.kubectl-intercept', 'run'))).toContain(`${pid}.sock`))
}

const run = (...argv: string[]) => runCli(argv, { home, parts: clusters })

describe('a name that is intercepted in another cluster too', () => {
  it('means the session of this one', async () => {
    await start(1, '--context', 'prod')
    await start(2)
    expect(await run('set', 'nginx', 'hold')).toMatchObject({ code: 0, stdout: 'dev/shop held; the cluster serves\n', stderr: '' })
    expect(await run('set', 'nginx', 'hold', '--context', 'prod')).toMatchObject({ stdout: 'prod/shop held; the cluster serves\n' })
    expect((await run('leave')).stderr).toMatch(
      /nginx \(pid 1, since [\d:]+, context prod \(https:\/\/prod:6443\)\); nginx \(pid 2, since [\d:]+\)/
    )
    expect(await run('leave', 'nginx')).toMatchObject({ code: 0, stdout: 'nginx left\n' })
    expect(await run('leave', 'nginx')).toMatchObject({
      code: 5,
      stdout: '',
      stderr: expect.stringMatching(
        /"nginx" is intercepted in another cluster, context prod \(https:\/\/prod:6443\), not in context dev [^]*hint: +by its pid: kubectl intercept leave 1, or kubectl intercept leave nginx --context prod\n/
      ) as unknown
    })
  })

  it('is said when the session is taken without its name', async () => {
    await start(1, '--context', 'prod')
    const note = 'note: nginx is of another cluster: context prod (https://prod:6443)\n'
    expect(await run('set', 'hold')).toMatchObject({ stdout: 'prod/shop held; the cluster serves\n', stderr: note })
    expect(await run('leave', '1')).toMatchObject({ code: 0, stdout: 'nginx left\n', stderr: note })
  })
})

describe('a name that is intercepted in several namespaces', () => {
  it("means that of -n, else that of the context's namespace, else none", async () => {
    await start(1, '-n', 'a')
    expect((await run('set', 'nginx', 'hold')).stdout).toBe('dev/a held; the cluster serves\n')
    expect((await run('set', 'nginx', 'hold', '-n', 'b')).stderr).toContain('"nginx" is intercepted in a, not in namespace b')
    await start(2, '-n', 'b')
    const unclear = await run('set', 'nginx', 'hold')
    expect([unclear.code, unclear.stderr]).toEqual([5, expect.stringContaining('"nginx" is intercepted in a and b, not in namespace shop')])
    expect(unclear.stderr).toContain('kubectl intercept set nginx -n a hold')
    await start(3)
    expect((await run('set', 'nginx', 'hold')).stdout).toBe('dev/shop held; the cluster serves\n')
    expect((await run('set', 'nginx', 'hold', '-n', 'b')).stdout).toBe('dev/b held; the cluster serves\n')
  })
})
