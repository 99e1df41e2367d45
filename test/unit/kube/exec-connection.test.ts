import net from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { ExecEnded } from '../../../src/kube/exec-connection.ts'
import type { Cluster } from '../../../src/kube/types.ts'
import { eventually } from '../../harness/eventually.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { type FakeKubernetes, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'
import { checkLeaks } from '../../harness/leaks.ts'

checkLeaks()
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

/** Gives back what it gets, and ends when its client has ended. */
async function echo(): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, socket => void socket.on('error', () => {}).pipe(socket))
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  open.push({ close: () => new Promise(resolve => server.close(() => resolve())) })
  return (server.address() as net.AddressInfo).port
}

async function start(spdy: boolean): Promise<[FakeKubernetes, Cluster]> {
  const pipe = await echo()
  const exec = ([program]: readonly string[]) =>
    program === 'nc' ? { pipe } : program === 'fail' ? { stdout: 'half', stderr: 'no host\n', exitCode: 1 } : undefined
  const fake = await startFakeKubernetes({ spdy, exec, objects: { pods: [{ metadata: { name: 'web' } }] } })
  const cluster = await connectToFake(fake)
  open.push(fake, cluster)
  return [fake, cluster]
}

const never = new AbortController().signal
const run = (cluster: Cluster, ...command: string[]) => cluster.execConnection('default', 'web', { command }, never)

describe.each([
  ['v5', true],
  ['v4, of API servers before 1.30', false]
])('a command as a connection, by %s', (_name, spdy) => {
  test('takes and gives bytes', async () => {
    const [, cluster] = await start(spdy)
    const connection = await run(cluster, 'nc')
    const sent = Buffer.alloc(400_000, 'x\0y')
    const chunks: Buffer[] = []
    connection.on('data', (chunk: Buffer) => chunks.push(chunk))
    connection.write(sent)
    await eventually(() => expect(Buffer.concat(chunks).equals(sent)).toBe(true))
    connection.destroy()
  })

  test('is destroyed with its exit code', async () => {
    const [, cluster] = await start(spdy)
    const connection = await run(cluster, 'fail')
    connection.resume()
    await eventually(() => connection.destroyed)
    expect(connection.errored).toMatchObject({ exitCode: 1, stderr: 'no host' })
    const missing = await run(cluster, 'nothing')
    await eventually(() => missing.errored instanceof ExecEnded && missing.errored.exitCode === 127)
  })
})

test('its end is the end of stdin, and what comes after that is still read', async () => {
  const [, cluster] = await start(true)
  const connection = await run(cluster, 'nc')
  let text = ''
  connection.on('data', (chunk: Buffer) => (text += chunk.toString()))
  connection.end('last words')
  await eventually(() => connection.readableEnded)
  expect(text).toBe('last words')
})

test('says which right is missing', async () => {
  const [fake, cluster] = await start(true)
  fake.forbid('get', 'pods/exec')
  await expect(run(cluster, 'nc')).rejects.toMatchObject({ code: 'CLUSTER_FORBIDDEN' })
})

test('the API server itself is dialled below TLS', async () => {
  const [fake, cluster] = await start(true)
  const connection = await cluster.dialServer(never)
  expect(connection.remote).toMatchObject({ port: fake.port })
  connection.destroy()
})
