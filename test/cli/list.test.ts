import { EventEmitter } from 'node:events'
import type { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Parts } from '../../src/cli/parts.ts'
import type { Cluster } from '../../src/kube/types.ts'
import { eventually } from '../harness/eventually.ts'
import { type ObjectCluster, objectCluster, readManifests } from '../harness/object-cluster.ts'
import { MemoryStream, runCli } from './run-cli.ts'

const ID = '10bc451e-59dc-4c70-999e-91a30813ac78'

/** The article's cluster, seen through the part that connects. */
function article(): { cluster: ObjectCluster; parts: Partial<Parts>; closed: () => number } {
  const cluster = objectCluster(readManifests('manifests/article.yaml'))
  let closed = 0
  const close = (): Promise<void> => {
    closed += 1
    return Promise.resolve()
  }
  const connected: Cluster = Object.assign(Object.create(null), cluster, { close }) as Cluster
  return { cluster, parts: { connectCluster: () => Promise.resolve(() => Promise.resolve(connected)) }, closed: () => closed }
}

describe('kubectl intercept list', () => {
  it('prints what can be intercepted', async () => {
    const { parts, closed } = article()
    const { code, stdout, stderr } = await runCli(['list'], { parts })
    expect([code, stderr, closed()]).toEqual([0, '', 1])
    expect(stdout).toBe(
      [
        'NAME    WORKLOAD           HOSTS         APP   SIDECARS   SERVER       INTERCEPT',
        'nginx   deployment/nginx   nginx.local   80    1/1        proxy:8421   <none>',
        ''
      ].join('\n')
    )
  })

  it('gives the same as data, without the tunnel id', async () => {
    const { parts } = article()
    const json = await runCli(['list', '-o', 'json'], { parts })
    const yaml = await runCli(['list', '-oyaml'], { parts })
    const wide = await runCli(['list', '-A', '-o', 'wide'], { parts })
    expect(JSON.parse(json.stdout)).toMatchObject({ v: 1, items: [{ name: 'nginx', tunnel: '10bc451e…', joinable: true }], sessions: [] })
    expect(parse(yaml.stdout)).toEqual(JSON.parse(json.stdout))
    expect(wide.stdout).toMatch(/^NAMESPACE +NAME/)
    expect(json.stdout + yaml.stdout + wide.stdout).not.toContain(ID)
  })

  it('prints names for scripts', async () => {
    const { parts } = article()
    expect((await runCli(['list', '-o', 'name'], { parts })).stdout).toBe('deployment/nginx\n')
    expect((await runCli(['list', '--no-headers'], { parts })).stdout).toMatch(/^nginx /)
  })

  it('says so on stderr when there is nothing, not even the namespace', async () => {
    const { cluster, parts } = article()
    cluster.remove('Deployment', 'nginx')
    const pods = cluster.objects.filter(({ kind, metadata }) => kind === 'Pod' && metadata.name.startsWith('nginx'))
    for (const { metadata } of pods) cluster.remove('Pod', metadata.name)
    expect(await runCli(['list'], { parts })).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'there seems to be no namespace default: kubectl get namespaces\n'
    })
    cluster.apply({ kind: 'ConfigMap', metadata: { name: 'kube-root-ca.crt' } })
    expect(await runCli(['list'], { parts })).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'no gost tunnel found in namespace default; everywhere: kubectl intercept list -A\n'
    })
    expect(JSON.parse((await runCli(['list', '-o', 'json'], { parts })).stdout)).toMatchObject({ items: [] })
  })

  it('prints the table again when a pod changes, until Ctrl-C', async () => {
    const { cluster, parts } = article()
    const signals = new EventEmitter()
    let stdout: Writable | undefined
    const done = runCli(['list', '-w'], {
      parts,
      signals,
      onStart: io => {
        ;({ stdout } = io)
      }
    })
    const tables = (): number => (stdout instanceof MemoryStream ? stdout.text.split('NAME ').length - 1 : 0)
    await eventually(() => expect([tables(), cluster.watching]).toEqual([1, 1]))
    const pod = cluster.objects.find(({ kind, metadata }) => kind === 'Pod' && metadata.name.startsWith('nginx'))
    if (pod === undefined) throw new Error('the article has an nginx pod')
    cluster.apply({ ...pod, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] } })
    await eventually(() => expect(tables()).toBe(2))
    signals.emit('SIGINT')
    const result = await done
    expect(result.code).toBe(0)
    expect(result.stdout).toContain('0/1')
    expect(result.stderr).toContain('nginx: no pod with a sidecar is ready')
    expect(cluster.watching).toBe(0)
  })
})
