import { afterEach, describe, expect, test } from 'vitest'
import type { Cluster } from '../../../src/kube/types.ts'
import type { ExecLookup } from '../../harness/fake-kubernetes/exec.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { type FakeKubernetes, type FakeKubernetesOptions, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

const BIG = Buffer.alloc(300_000, 'x\0y\n')
const commands: ExecLookup = ([program, ...args], container) => {
  if (program === 'echo') return { stdout: `${container}: ${args.join(' ')}\n` }
  if (program === 'big') return { stdout: BIG }
  if (program === 'fail') return { stdout: 'half', stderr: 'no\u0007pe', exitCode: 3 }
  if (program === 'broken') return { failure: 'container not running' }
  return undefined
}

async function start(options: FakeKubernetesOptions = {}): Promise<[FakeKubernetes, Cluster]> {
  const fake = await startFakeKubernetes({ exec: commands, objects: { pods: [{ metadata: { name: 'web' } }] }, ...options })
  const cluster = await connectToFake(fake)
  open.push(fake, cluster)
  return [fake, cluster]
}

const never = new AbortController().signal
const run = (cluster: Cluster, ...command: string[]) => cluster.exec('default', 'web', { container: 'app', command }, never)

describe.each([
  ['v5', true],
  ['v4, of API servers before 1.30', false]
])('exec by %s', (_name, spdy) => {
  test('passes words as they are, and gives output and exit code', async () => {
    const [, cluster] = await start({ spdy })
    const { stdout, stderr, exitCode } = await run(cluster, 'echo', 'a b', '&c=d', 'é')
    expect([stdout.toString(), stderr, exitCode]).toEqual(['app: a b &c=d é\n', '', 0])
  })

  test('gives long binary output whole', async () => {
    const [, cluster] = await start({ spdy })
    expect((await run(cluster, 'big')).stdout.equals(BIG)).toBe(true)
  })
})

describe('exec', () => {
  test('tells a command that failed from one that is not there', async () => {
    const [, cluster] = await start()
    const failed = await run(cluster, 'fail')
    expect([failed.stdout.toString(), failed.stderr, failed.exitCode]).toEqual(['half', 'no\\x07pe', 3])
    expect((await run(cluster, 'nothing')).exitCode).toBe(127)
    await expect(run(cluster, 'broken')).rejects.toThrow('container not running')
  })

  test('says which right is missing, and that a pod is not there', async () => {
    const [fake, cluster] = await start()
    await expect(cluster.exec('default', 'gone', { container: 'app', command: ['echo'] }, never)).rejects.toMatchObject({
      code: 'TARGET_NOT_FOUND'
    })
    fake.forbid('get', 'pods/exec')
    await expect(run(cluster, 'echo')).rejects.toMatchObject({
      code: 'CLUSTER_FORBIDDEN',
      message: expect.stringContaining('may not get pods/exec web'),
      hint: 'kubectl auth can-i get pods --subresource=exec -n default'
    })
  })

  test('ends at once when it is no longer wanted', async () => {
    const [fake, cluster] = await start()
    fake.freeze(true)
    const stop = new AbortController()
    fake.onRequest(() => stop.abort(new Error('enough')))
    await expect(cluster.exec('default', 'web', { container: 'app', command: ['echo'] }, stop.signal)).rejects.toThrow('enough')
  })
})
