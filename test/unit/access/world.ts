/** A fake cluster with a web of two pods, a server-first database and other neighbours, and access to it. */
import net from 'node:net'
import { type Access, type AccessOptions, openAccess } from '../../../src/access/open-access.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { silent } from '../../../src/base/log.ts'
import type { Cluster } from '../../../src/kube/types.ts'
import { type App, startApp } from '../../harness/app.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { type FakeKubernetes, type FakeKubernetesOptions, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'
import { endClients } from '../../harness/proxy-clients.ts'

export const pod = (name: string, app: string, ready = true) => ({
  metadata: { name, labels: { app } },
  spec: { containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8_080 }] }] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] }
})

const OBJECTS = {
  pods: [pod('web-a', 'web'), pod('web-b', 'web'), pod('db-0', 'db'), pod('tools', 'tools')],
  services: [
    { metadata: { name: 'web' }, spec: { clusterIP: '10.96.0.7', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] } },
    { metadata: { name: 'db' }, spec: { clusterIP: '10.96.0.8', selector: { app: 'db' }, ports: [{ name: 'pg', port: 5_432 }] } },
    { metadata: { name: 'bare' }, spec: { clusterIP: '10.96.0.9', ports: [{ port: 80 }] } },
    { metadata: { name: 'kubernetes' }, spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443 }] } }
  ]
}

export interface AccessWorld {
  fake: FakeKubernetes
  cluster: Cluster
  access: Access
  /** Behind web-a and web-b. */
  apps: [App, App]
  /** What the person was told. */
  said: string[]
}

interface WorldOptions extends FakeKubernetesOptions {
  /** Before access is opened. */
  prepare?: (fake: FakeKubernetes) => void
}

const closing: { close(): Promise<void> }[] = []

export async function accessWorld(
  options: Partial<AccessOptions> = {},
  { prepare, ...fakeOptions }: WorldOptions = {}
): Promise<AccessWorld> {
  const fake = await startFakeKubernetes({ objects: OBJECTS, ...fakeOptions })
  prepare?.(fake)
  const apps: [App, App] = [await startApp({ name: 'a' }), await startApp({ name: 'b' })]
  const db = await startDatabase()
  fake.forwardPort('web-a', 8_080, apps[0].port)
  fake.forwardPort('web-b', 8_080, apps[1].port)
  fake.forwardPort('db-0', 5_432, db.port)
  const cluster = await connectToFake(fake, { forwardSettings: { confirmMs: 50 } })
  closing.push(fake, ...apps, db, cluster)
  const said: string[] = []
  const access = await openAccess({
    cluster,
    namespace: 'default',
    clock: systemClock,
    log: silent,
    say: line => void said.push(line),
    ...options
  })
  closing.push(access)
  return { fake, cluster, access, apps, said }
}

/** For `afterEach`. */
export async function endWorlds(): Promise<void> {
  endClients()
  for (const thing of closing.splice(0).reverse()) await thing.close()
}

/** Speaks first, then gives back what it gets, in upper case. */
async function startDatabase(): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.write('ready\n')
    socket.on('data', chunk => socket.write(chunk.toString().toUpperCase()))
  })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      })
  }
}
