import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { assignLocals } from '../../../src/resolve/assign-locals.ts'
import { manualPlan } from '../../../src/resolve/manual.ts'
import { parsePortMapping } from '../../../src/resolve/port-mapping.ts'
import { parseTarget } from '../../../src/resolve/target.ts'
import type { TunnelPlan } from '../../../src/resolve/types.ts'

describe('parsePortMapping', () => {
  it.each([
    ['8080', { name: undefined, local: { host: '127.0.0.1', port: 8080 }, remote: undefined }],
    ['8080:80', { name: undefined, local: { host: '127.0.0.1', port: 8080 }, remote: '80' }],
    ['8080:http', { name: undefined, local: { host: '127.0.0.1', port: 8080 }, remote: 'http' }],
    ['cart=8080', { name: 'cart', local: { host: '127.0.0.1', port: 8080 }, remote: undefined }],
    ['svc/cart=0.0.0.0:8080:web', { name: 'svc/cart', local: { host: '0.0.0.0', port: 8080 }, remote: 'web' }],
    ['localhost:8080', { name: undefined, local: { host: 'localhost', port: 8080 }, remote: undefined }],
    ['cart:9090=[::1]:8080:80', { name: 'cart:9090', local: { host: '::1', port: 8080 }, remote: '80' }],
    ['[::1]:8080', { name: undefined, local: { host: '::1', port: 8080 }, remote: undefined }]
  ])('reads %s', (text, mapping) => {
    expect(parsePortMapping(text)).toEqual(mapping)
  })

  it.each([
    ['', 'nothing is no port (1 to 65535)'],
    ['0', '0 is no port (1 to 65535)'],
    ['65536', '65536 is no port (1 to 65535)'],
    ['http', 'http is no port (1 to 65535)'],
    ['host:http', 'http is no port (1 to 65535)'],
    ['8080:', 'nothing stands after the last colon'],
    ['8080:a_b', 'a_b is neither a port number nor a port name'],
    ['=8080', 'the name before = is empty'],
    ['1:2:3', 'it has too many colons (IPv6 addresses stand in brackets)'],
    ['::1:8080', 'it has too many colons (IPv6 addresses stand in brackets)'],
    ['[::1', 'it has too many colons (IPv6 addresses stand in brackets)']
  ])('refuses %j with the form', (text, why) => {
    const thrown = catchError(() => parsePortMapping(text))
    expect(thrown).toMatchObject({ code: 'BAD_USAGE', message: `--port ${text} is not understood: ${why}` })
    expect(thrown.hint).toContain('[NAME=]LOCAL[:REMOTE]')
  })
})

function catchError(run: () => unknown): InterceptError {
  try {
    run()
  } catch (error) {
    if (error instanceof InterceptError) return error
  }
  throw new Error('no InterceptError')
}

const base = manualPlan({ server: 'ws://proxy:8421', tunnelId: '10bc451e-59dc-4c70-999e-91a30813ac78' })
const plan = (name: string, port: number | undefined, more: Partial<TunnelPlan> = {}): TunnelPlan => ({
  ...base,
  name,
  workload: `deployment/${name}`,
  target: { text: `deploy/${name}`, kind: 'deployment', name },
  app: port === undefined ? undefined : { host: '', port },
  ...more
})
const assign = (plans: TunnelPlan[], ports: string[], options: { all?: boolean; listening?: number[] } = {}) =>
  assignLocals(plans, ports.map(parsePortMapping), {
    all: options.all ?? false,
    isListening: async ({ port }) => options.listening?.includes(port) ?? false
  })
const outcome = ({ chosen, leftOut }: Awaited<ReturnType<typeof assign>>): unknown => ({
  chosen: chosen.map(item => `${item.plan.name} ${item.local.host}:${item.local.port}`),
  leftOut: leftOut.map(item => `${item.plan.name}: ${item.reason} (${item.hint})`)
})

describe('assignLocals', () => {
  it("defaults to the app's port in the pod", async () => {
    expect(outcome(await assign([plan('a', 80), plan('b', 8080)], []))).toEqual({
      chosen: ['a 127.0.0.1:80', 'b 127.0.0.1:8080'],
      leftOut: []
    })
  })

  it('takes what was written, by target name, kind/name, tunnel name or workload', async () => {
    for (const name of ['a', 'deploy/a', 'deployment/a']) {
      expect(outcome(await assign([plan('a', 80), plan('b', 81)], [`${name}=3000`]))).toMatchObject({
        chosen: ['a 127.0.0.1:3000', 'b 127.0.0.1:81']
      })
    }
  })

  it('refuses defaults that collide, with every line to type', async () => {
    await expect(assign([plan('a', 80), plan('b', 80)], [])).rejects.toMatchObject({
      code: 'TARGET_AMBIGUOUS',
      message: 'where the visitors of a go is not clear: local port 80 is also that of b',
      hint: 'say where: --port a=LOCAL --port b=LOCAL'
    })
  })

  it('refuses a default that collides with a written address, and lets two written ones share', async () => {
    await expect(assign([plan('a', 80), plan('b', 8080)], ['a=8080'])).rejects.toMatchObject({
      code: 'TARGET_AMBIGUOUS',
      hint: 'say where: --port b=LOCAL'
    })
    expect(outcome(await assign([plan('a', 80), plan('b', 8080)], ['a=8080', 'b=localhost:8080']))).toEqual({
      chosen: ['a 127.0.0.1:8080', 'b localhost:8080'],
      leftOut: []
    })
  })

  it('lets a UDP port stand beside the same TCP port', async () => {
    expect(outcome(await assign([plan('a', 53), plan('b', 53, { protocol: 'udp' })], []))).toMatchObject({ leftOut: [] })
  })

  it('refuses a tunnel that tells no port', async () => {
    await expect(assign([plan('a', undefined)], [])).rejects.toMatchObject({ code: 'BAD_USAGE', hint: 'say where: --port a=LOCAL' })
    expect(outcome(await assign([plan('a', undefined)], ['3000']))).toMatchObject({ chosen: ['a 127.0.0.1:3000'] })
  })

  it('leaves out, under --all, what collides and what nobody serves below 1024', async () => {
    const plans = [plan('a', 8080), plan('b', 8080), plan('c', 80), plan('d', 443), plan('e', 9000), plan('f', undefined)]
    expect(outcome(await assign(plans, [], { all: true, listening: [443] }))).toEqual({
      chosen: ['d 127.0.0.1:443', 'e 127.0.0.1:9000'],
      leftOut: [
        'a: local port 8080 is also that of b (--port a=LOCAL)',
        'b: local port 8080 is also that of a (--port b=LOCAL)',
        'c: nothing listens on local port 80 (--port c=LOCAL)',
        'f: its sidecar does not tell the port of the app (--port f=LOCAL)'
      ]
    })
    expect(outcome(await assign(plans, ['a=3000', 'c=3001'], { all: true }))).toMatchObject({
      chosen: ['a 127.0.0.1:3000', 'b 127.0.0.1:8080', 'c 127.0.0.1:3001', 'e 127.0.0.1:9000']
    })
  })

  it('refuses a --port that names nobody, or several', async () => {
    await expect(assign([plan('a', 80)], ['x=1'])).rejects.toMatchObject({
      code: 'BAD_USAGE',
      message: '--port x=1 names no target of this command',
      hint: 'use one of a='
    })
    await expect(assign([plan('a', 80), plan('b', 81)], ['3000'])).rejects.toMatchObject({
      code: 'TARGET_AMBIGUOUS',
      hint: 'say which: --port a=3000 or --port b=3000'
    })
  })
})

describe('parseTarget', () => {
  it.each([
    ['nginx', undefined, 'nginx'],
    ['svc/nginx', 'service', 'nginx'],
    ['Services/nginx', 'service', 'nginx'],
    ['deployments.apps/nginx', 'deployment', 'nginx'],
    ['deployment.v1.apps/nginx', 'deployment', 'nginx'],
    ['sts/a.b-1', 'statefulset', 'a.b-1'],
    ['ds/x', 'daemonset', 'x'],
    ['rs/x', 'replicaset', 'x'],
    ['po/x', 'pod', 'x'],
    ['ing/x', 'ingress', 'x'],
    ['ingresses.networking.k8s.io/x', 'ingress', 'x']
  ])('%s is %s %s', (text, kind, name) => {
    expect(parseTarget(text)).toEqual({ text, kind, name })
  })

  it.each([
    ['svcs/nginx', 'kubectl intercept svc/nginx'],
    ['job/x', 'svc, deploy, sts'],
    ['a/b/c', '-n NAMESPACE'],
    ['svc/', 'kubectl intercept svc/NAME'],
    ['Nginx', 'kubectl intercept svc/NAME'],
    ['', 'kubectl intercept svc/NAME'],
    ['toString/x', 'svc, deploy, sts']
  ])('refuses %j with the form', (text, hint) => {
    const thrown = catchError(() => parseTarget(text))
    expect(thrown.code).toBe('BAD_USAGE')
    expect(thrown.hint).toContain(hint)
  })
})

describe('manualPlan', () => {
  const id = '10BC451E-59DC-4C70-999E-91A30813AC78'
  const server = (text: string, more: object = {}) => manualPlan({ server: text, tunnelId: id, ...more }).server

  it.each([
    ['ws://203.0.113.7:8421/proxy', { carrier: 'ws', path: '/proxy', address: { host: '203.0.113.7', port: 8421 }, tls: undefined }],
    ['http://proxy', { carrier: 'ws', path: '/ws', address: { host: 'proxy', port: 80 } }],
    [
      'wss://gw.example/t',
      { carrier: 'wss', path: '/t', address: { host: 'gw.example', port: 443 }, tls: { secure: true, serverName: 'gw.example' } }
    ],
    ['tls://[fd00::1]:9000', { carrier: 'tls', address: { host: 'fd00::1', port: 9000 } }],
    ['tcp://proxy', { carrier: 'tcp', address: { host: 'proxy', port: 8421 } }],
    [
      'tunnel+ws://u:p@192.168.1.1:80?path=/proxy&host=nginx.local',
      {
        carrier: 'ws',
        path: '/proxy',
        hostHeader: 'nginx.local',
        auth: { user: 'u', password: 'p' },
        address: { host: '192.168.1.1', port: 80 }
      }
    ],
    ['tunnel+wss://gw:443?secure=false', { carrier: 'wss', tls: { secure: false } }],
    ['tunnel://proxy:8421', { carrier: 'tcp', address: { host: 'proxy', port: 8421 } }],
    ['https://gw', { carrier: 'wss', path: '/ws', address: { host: 'gw', port: 443 } }]
  ])('reads %s', (text, expected) => {
    expect(server(text)).toMatchObject(expected)
  })

  it('takes credentials, CA and entrypoint, and keeps the id out of every text', () => {
    const made = manualPlan({
      server: 'wss://u:p@gw',
      tunnelId: id,
      auth: { user: 'a', password: 'b' },
      ca: 'PEM',
      entrypoint: 'https://shop.example:8443'
    })
    expect(made).toMatchObject({
      tunnelId: id.toLowerCase(),
      hosts: ['shop.example'],
      server: { auth: { user: 'a' }, tls: { secure: true, ca: 'PEM' }, entrypointAddress: { host: 'shop.example', port: 8443, tls: true } }
    })
    expect([made.name, made.workload, ...made.notes, ...made.passes].join()).not.toMatch(/59dc/i)
    expect(manualPlan({ server: 'ws://gw', tunnelId: id, entrypoint: '10.0.0.1' }).hosts).toEqual([])
  })

  it.each([['quic://gw'], ['ws://'], ['nonsense'], ['ws://a,b:1'], ['ws://gw:99999']])('refuses %s', text => {
    expect(catchError(() => server(text))).toMatchObject({ code: 'BAD_USAGE', hint: expect.stringContaining('--tunnel-server ws://HOST') })
  })

  it('refuses an id that is no UUID without repeating it', () => {
    expect(catchError(() => manualPlan({ server: 'ws://gw', tunnelId: 'secret-word' })).message).toBe('--tunnel-id is no UUID')
  })

  it('passes over the ports of a file whose tunnels are not there, and lets typed ones win', async () => {
    const fromFile = ['cart=1234', 'nginx=2345'].map(text => ({ ...parsePortMapping(text), ifThere: true as const }))
    const { chosen } = await assignLocals([plan('nginx', 80)], [...fromFile, parsePortMapping('3456')], {
      all: true,
      isListening: () => Promise.resolve(false)
    })
    expect(chosen.map(({ local }) => local.port)).toEqual([3456])
  })
})
