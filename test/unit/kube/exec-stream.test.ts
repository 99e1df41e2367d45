import { afterEach, describe, expect, test } from 'vitest'
import type { Cluster } from '../../../src/kube/types.ts'
import { eventually } from '../../harness/eventually.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import type { ExecLookup } from '../../harness/fake-kubernetes/exec.ts'
import { type FakeKubernetes, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

const BIG = Buffer.alloc(24 * 1024 * 1024, 'x\0y\n')
const commands: ExecLookup = ([program]) => {
  if (program === 'big') return { stdout: BIG, stderr: 'done\n' }
  if (program === 'cut') return { stdout: BIG, cutAfter: 70_000 }
  if (program === 'fail') return { stdout: 'half', stderr: 'nope', exitCode: 2 }
  return undefined
}

async function start(): Promise<[FakeKubernetes, Cluster]> {
  const fake = await startFakeKubernetes({ exec: commands, objects: { pods: [{ metadata: { name: 'web' } }] } })
  const cluster = await connectToFake(fake)
  open.push(fake, cluster)
  return [fake, cluster]
}
const never = new AbortController().signal
const run = (cluster: Cluster, program: string, signal = never) =>
  cluster.execStream('default', 'web', { container: 'app', command: [program] }, signal)

async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

describe('exec as a stream', () => {
  test('gives more than fits into memory limits, whole, and how it ended', async () => {
    const [, cluster] = await start()
    const { stdout, ended } = await run(cluster, 'big')
    expect((await collect(stdout)).equals(BIG)).toBe(true)
    expect(await ended).toEqual({ stderr: 'done\\x0a', exitCode: 0 })
  })

  test('reads no further than its reader', async () => {
    const [, cluster] = await start()
    const { stdout, ended } = await run(cluster, 'big')
    const first = await new Promise<Buffer>(resolve => {
      stdout.once('data', (chunk: Buffer) => {
        stdout.pause()
        resolve(chunk)
      })
    })
    let settled = false
    void ended.then(() => (settled = true))
    await eventually(() => stdout.readableLength >= stdout.readableHighWaterMark)
    for (let turn = 0; turn < 50; turn += 1) await new Promise(resolve => setImmediate(resolve))
    expect([settled, stdout.readableLength < 2 * 1024 * 1024]).toEqual([false, true])
    expect(first.length + (await collect(stdout)).length).toBe(BIG.length)
  })

  test('fails when the connection is cut, without an end', async () => {
    const [, cluster] = await start()
    const { stdout, ended } = await run(cluster, 'cut')
    await expect(collect(stdout)).rejects.toThrow('the connection to the container was cut')
    await expect(ended).rejects.toThrow('was cut')
  })

  test('tells a command that failed from one that is not there', async () => {
    const [, cluster] = await start()
    const failed = await run(cluster, 'fail')
    expect((await collect(failed.stdout)).toString()).toBe('half')
    expect(await failed.ended).toEqual({ stderr: 'nope', exitCode: 2 })
    const none = await run(cluster, 'none')
    await collect(none.stdout)
    expect(await none.ended).toMatchObject({ exitCode: 127 })
  })

  test('says which right is missing, and ends when it is no longer wanted', async () => {
    const [fake, cluster] = await start()
    const stop = new AbortController()
    const { stdout } = await run(cluster, 'big', stop.signal)
    stop.abort(new Error('enough'))
    await expect(collect(stdout)).rejects.toThrow('enough')
    fake.forbid('get', 'pods/exec')
    await expect(run(cluster, 'big')).rejects.toMatchObject({ code: 'CLUSTER_FORBIDDEN' })
  })
})

describe('a token request', () => {
  test('names audience, life and pod', async () => {
    const asked: unknown[] = []
    const expiresAt = new Date('2026-01-01T01:00:00Z')
    const fake = await startFakeKubernetes({
      token: request => {
        asked.push(request)
        return request.serviceAccount === 'robot' ? { token: 'a.b.c', expiresAt } : undefined
      }
    })
    const cluster = await connectToFake(fake)
    open.push(fake, cluster)
    const pod = { name: 'web', uid: 'u1' }
    const wanted = { namespace: 'shop', serviceAccount: 'robot', audience: 'vault', expirationSeconds: 600, pod }
    expect(await cluster.requestToken(wanted, never)).toEqual({ token: 'a.b.c', expiresAt })
    expect(asked).toMatchObject([
      {
        namespace: 'shop',
        serviceAccount: 'robot',
        spec: { audiences: ['vault'], expirationSeconds: 600, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...pod } }
      }
    ])
    expect(await cluster.requestToken({ namespace: 'shop', serviceAccount: 'none' }, never)).toBeUndefined()
    fake.forbid('create', 'serviceaccounts/token')
    await expect(cluster.requestToken(wanted, never)).rejects.toMatchObject({
      code: 'CLUSTER_FORBIDDEN',
      hint: 'kubectl auth can-i create serviceaccounts --subresource=token -n shop'
    })
  })
})
