/** One server of ours in a pod, met without an ingress: the rules that a ConfigMap brings, and its end. The app behind it is here, so that it can be slow. */
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { arrivals, type Visit, visit } from '../harness/visitors.ts'
import { loadOurImage } from './our-image.ts'
import { kubectl, TUNNEL } from './world.ts'

const namespace = `e2e-operate-${process.pid}`
const run = (...args: string[]): string => kubectl(['-n', namespace, ...args])
const read = (what: string, path: string): string => run('get', what, '-o', `jsonpath=${path}`)
const rules = (...hosts: string[]): string => hosts.map(host => `${host} ${TUNNEL}\n`).join('')
const FINALIZER = 'test.kubectl-intercept/exit-status'

const manifests = (app: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: rules}
data: {rules.txt: ${JSON.stringify(rules('one.local'))}}
---
apiVersion: v1
kind: Service
metadata: {name: gate}
spec: {selector: {app: gate}, ports: [{port: 8421}], publishNotReadyAddresses: true}
---
apiVersion: v1
kind: Pod
# The finalizer keeps what became of its container.
metadata: {name: gate, labels: {app: gate}, finalizers: [${FINALIZER}]}
spec:
  terminationGracePeriodSeconds: 40
  containers:
    - name: server
      image: kubectl-intercept:latest
      args: ["-L", "tunnel+ws://:8421?entrypoint=:8080&path=/proxy", "--rules=/rules/rules.txt", "--drain-delay=3s", "--grace=20s"]
      readinessProbe: {httpGet: {path: /readyz, port: 9090}, periodSeconds: 1, failureThreshold: 1}
      volumeMounts: [{name: rules, mountPath: /rules}]
  volumes: [{name: rules, configMap: {name: rules}}]
---
apiVersion: v1
kind: Pod
metadata: {name: sidecar}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: sidecar
      image: kubectl-intercept:latest
      args: ["-L", "rtcp://:0/${app}", "-F", "tunnel+ws://gate:8421?tunnel.id=${TUNNEL}&path=/proxy"]
`

let pod = ''
let held: http.ServerResponse[] = []
const app = http.createServer((request, response) => {
  if (request.url === '/slow') held.push(response)
  else response.end('quick')
})
const ask = (name: string, path = '/'): Promise<Visit> => visit({ host: pod, port: 8080, name, path })
const health = async (path: string): Promise<[status: number, body: string]> => {
  const answer = await fetch(`http://${pod}:9090${path}`)
  return [answer.status, await answer.text()]
}

beforeAll(async () => {
  loadOurImage()
  const node = kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}'])
  app.listen(0, node)
  await once(app, 'listening')
  kubectl(['create', 'namespace', namespace])
  kubectl(['-n', namespace, 'apply', '-f', '-'], manifests(`${node}:${(app.address() as net.AddressInfo).port}`))
  run('wait', '--for=condition=Ready', 'pod/gate', 'pod/sidecar', '--timeout=60s')
  pod = read('pod/gate', '{.status.podIP}')
  await eventually(async () => expect((await ask('one.local')).status).toBe(200), { timeoutMs: 20_000, intervalMs: 100 })
})
afterAll(() => {
  app.closeAllConnections()
  app.close()
  run('patch', 'pod/gate', '--type=merge', '-p', '{"metadata":{"finalizers":null}}')
  kubectl(['delete', 'namespace', namespace, '--wait=true', '--timeout=90s'])
})

describe('a server with its rules from a ConfigMap', () => {
  let changes = 0
  /** The kubelet looks again when the pod changes; otherwise it may take a minute. */
  const until = (text: string, holds: () => Promise<void> | void): Promise<void> => {
    run('patch', 'configmap/rules', '--type=merge', '-p', JSON.stringify({ data: { 'rules.txt': text } }))
    const look = (): Promise<void> | void => {
      run('annotate', 'pod/gate', `change=${(changes += 1)}`, '--overwrite')
      return holds()
    }
    return eventually(look, { timeoutMs: 90_000, intervalMs: 1_000 })
  }
  const started = async (): Promise<string | undefined> => /^process_start_time_seconds .*/m.exec((await health('/metrics'))[1])?.[0]

  it('follows them without a restart and without a visitor noticing, and keeps those it has when the new ones are of no use', async () => {
    const before = await started()
    expect((await ask('two.local')).status).toBe(502)
    const load = arrivals({ host: pod, port: 8080, name: 'one.local', rate: 25 })
    await until(rules('one.local', '*.two.local'), async () => expect((await ask('x.two.local')).status).toBe(200))
    await until('one.local is-no-tunnel\n', () => expect(run('logs', 'gate')).toMatch(/"level":"error".*rules\.txt/))
    expect([(await ask('one.local')).status, (await ask('x.two.local')).status]).toEqual([200, 200])
    const visits = await load.stop()
    expect(visits.filter(({ status }) => status !== 200)).toEqual([])
    await until(rules('x.two.local'), async () => expect((await ask('one.local')).status).toBe(502))
    expect((await ask('x.two.local')).status).toBe(200)
    expect(await started()).toBe(before)
    expect(before).toBeDefined()
  }, 300_000)
})

describe('the end of a server', () => {
  it('is said by /readyz first; it serves for --drain-delay, finishes what runs, and ends with 143', async () => {
    const idle = net.connect(8080, pod)
    idle.write('GET / HTTP/1.1\r\nHost: x.two.local\r\n\r\n')
    await once(idle, 'data')
    const slow = ask('x.two.local', '/slow')
    await eventually(() => expect(held).toHaveLength(1))
    expect(await health('/readyz')).toEqual([200, 'ok\n'])

    run('delete', 'pod/gate', '--wait=false')
    await eventually(async () => expect(await health('/readyz')).toEqual([503, 'shutting down\n']))
    expect((await ask('x.two.local')).body).toBe('quick')
    // It is let go of when the delay is over.
    expect(idle.readyState).toBe('open')
    await once(idle, 'close')
    expect(read('pod/gate', '{.status.conditions[?(@.type=="Ready")].status}')).toBe('False')
    for (const response of held) response.end('slow')
    expect(await slow).toMatchObject({ status: 200, body: 'slow', error: undefined })
    await eventually(() => expect(read('pod/gate', '{.status.containerStatuses[0].state.terminated.exitCode}')).toBe('143'), {
      timeoutMs: 15_000,
      intervalMs: 200
    })
  })
})
