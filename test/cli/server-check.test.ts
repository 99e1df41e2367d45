/** `--check` says what nobody can mean, each in one sentence with its place, and repeats no id. What gost passes over starts all the same. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { runCli, startCli } from './run-cli.ts'

const ID = '10bc451e-59dc-4c70-999e-91a30813ac78'
const SERVER = 'server --check -L tunnel+ws://'
const SIDECAR = 'sidecar --check -L rtcp://:0/:80 -F tunnel+ws://proxy:8421'

async function mistakes(line: string): Promise<string[]> {
  const { code, stdout, stderr } = await runCli(line.split(' '))
  expect([code, stdout]).toEqual([3, ''])
  expect(stderr).not.toContain('59dc')
  const said = /error: ([^]*)\nhint:/.exec(stderr)?.[1] ?? ''
  return said.split('\n').map(text => text.trim())
}

describe('--check', () => {
  it.each([
    [`${SERVER}:99999?tunnel=a.local:${ID}`, ['-L tunnel+ws://:99999: 99999 is no port (0 to 65535)']],
    [`${SERVER}:8421?entrypoint=:70000`, ['-L tunnel+ws://:8421: entrypoint=:70000: 70000 is no port (0 to 65535)']],
    [`${SERVER}:8421?entrypoint=80`, ['-L tunnel+ws://:8421: entrypoint=80 has no port, as in :8421']],
    [
      `${SERVER}:8421?entrypoint=:80&tunnel=a.local,b.local:,c.local:${ID}0,:${ID},${ID}`,
      [
        '-L tunnel+ws://:8421: rule 1 of tunnel= (a.local) has no tunnel id, as in nginx.local:UUID',
        '-L tunnel+ws://:8421: rule 2 of tunnel= (b.local) has no tunnel id, as in nginx.local:UUID',
        '-L tunnel+ws://:8421: rule 3 of tunnel= (c.local) has something else than a UUID for its tunnel id',
        '-L tunnel+ws://:8421: rule 4 of tunnel= has no host before its tunnel id, as in nginx.local:UUID',
        '-L tunnel+ws://:8421: rule 5 of tunnel= has no tunnel id, as in nginx.local:UUID'
      ]
    ],
    [`${SERVER}:8421 -L http://:8080`, ['-L http://:8080 is no listener of a tunnel: only gost runs it']],
    [`${SERVER}:8421?ingress=main`, ['-L tunnel+ws://:8421: there is no ingress main']],
    [`${SERVER}:80?entrypoint=:80`, ['port 80 is used twice: by -L tunnel+ws://:80 and by entrypoint=:80']],
    [
      `${SERVER}:8421?entrypoint=10.0.0.1:80 --entrypoint 10.0.0.2:80 --entrypoint :80=${ID} --health :8421`,
      [
        'port 80 is used twice: by entrypoint=10.0.0.1:80 and by --entrypoint :80',
        'port 8421 is used twice: by -L tunnel+ws://:8421 and by --health :8421'
      ]
    ],
    [
      `${SERVER}:8421?entrypont=:8080&listener.phat=/proxy`,
      [
        '-L tunnel+ws://:8421: there is no entrypont: did you mean entrypoint?',
        '-L tunnel+ws://:8421: there is no phat: did you mean path?'
      ]
    ],
    [
      `${SIDECAR}?tunnel.id=${ID}&tunnel.wieght=3&weight=3`,
      [
        '-F tunnel+ws://proxy:8421: there is no tunnel.wieght: did you mean tunnel.weight?',
        '-F tunnel+ws://proxy:8421: there is no weight: did you mean tunnel.weight?'
      ]
    ],
    ['server --check -L tunnel+foo://:8421', ['-L tunnel+foo://:8421: there is no carrier foo: take ws, wss, tls or tcp']],
    [
      `sidecar --check -L rtcp://:0/:80 -F tunnel+foo://proxy:8421?tunnel.id=${ID}`,
      ['-F tunnel+foo://proxy:8421: there is no carrier foo: take ws, wss, tls or tcp']
    ],
    [
      `${SIDECAR}?tunnel.id=${ID}&tunnel.weight=300`,
      ['-F tunnel+ws://proxy:8421: tunnel.weight=300 is no weight of 1 to 255: gost takes it for 44']
    ],
    [
      `${SIDECAR}?tunnel.id=${ID}&tunnel.weight=all`,
      ['-F tunnel+ws://proxy:8421: tunnel.weight=all is no weight of 1 to 255: gost takes it for 1']
    ]
  ])('refuses %s', async (line, said) => {
    expect(await mistakes(line)).toEqual(said)
  })

  it('looks into a file of gost', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'check-'))
    const file = path.join(folder, 'gost.json')
    const server = {
      name: 'proxy',
      addr: ':8421',
      handler: { type: 'tunnel', metadata: { entrypoint: ':80', ingress: 'main' } },
      listener: { type: 'ws' }
    }
    const node = { name: 'out', addr: 'proxy:8421', connector: { type: 'tunnel', metadata: { 'tunnel.id': ID, 'tunnel.weight': 255 } } }
    const sidecar = {
      name: 'app',
      addr: ':0',
      handler: { type: 'rtcp' },
      listener: { type: 'rtcp', chain: 'out' },
      forwarder: { nodes: [{ addr: ':80' }] }
    }
    const rules = [
      { hostname: 'a.local', endpoint: ID },
      { hostname: 'b.local', endpoint: 'b' }
    ]
    writeFileSync(
      file,
      JSON.stringify({
        services: [server, sidecar],
        chains: [{ name: 'out', hops: [{ nodes: [node] }] }],
        ingresses: [{ name: 'main', rules }]
      })
    )
    expect(await mistakes(`server --check -C ${file}`)).toEqual([
      'ingress main: rule 2 (b.local) has something else than a UUID for its tunnel id',
      'node out: tunnel.weight=255 is a JSON number, which gost passes over: write it as text, "255"'
    ])
    rmSync(folder, { recursive: true })
  })

  it('takes ports of any number, ranges, weight 0 and several addresses of one port', async () => {
    const fine = [
      `${SERVER}127.0.0.1:0?entrypoint=127.0.0.1:0`,
      `${SERVER}10.0.0.1:80?entrypoint=10.0.0.2:80&tunnel=a.local:$${ID}`,
      `${SIDECAR}?tunnel.id=${ID}&tunnel.weight=0`,
      `sidecar --check -L rtcp://:0/:9000-9001 -F tunnel+ws://proxy:8421?tunnel.id=${ID}`
    ]
    for (const line of fine) expect([line, (await runCli(line.split(' '))).code]).toEqual([line, 0])
  })

  it('warns of parameters without effect, and says when visitors have no port', async () => {
    const { code, stdout, stderr } = await runCli(`${SERVER}:8421?keepalive=true&colour=red`.split(' '))
    expect([code, stderr]).toEqual([
      0,
      'warning: -L tunnel+ws://:8421: keepalive has no effect here\nwarning: -L tunnel+ws://:8421: colour has no effect here\n'
    ])
    expect(stdout).toContain('no entrypoint: visitors have no port to come to')
  })
})

describe('a start', () => {
  it('is refused with a carrier that nobody knows', async () => {
    const { code, stderr } = await runCli(['server', '-L', 'tunnel+foo://127.0.0.1:0?entrypoint=127.0.0.1:0'])
    expect([code, stderr]).toEqual([3, expect.stringContaining('there is no carrier foo')])
  })

  it('warns of a misspelt parameter, and goes on', async () => {
    const server = startCli(['server', '-L', 'tunnel+ws://127.0.0.1:0?entrypont=127.0.0.1:0'])
    await eventually(() => expect(server.said()).toContain('tunnel server on port'))
    expect(server.said()).toContain('warning: -L tunnel+ws://127.0.0.1:0: there is no entrypont: did you mean entrypoint?')
    expect(await server.stop()).toBe(143)
  })

  it('warns of what gost passes over, and goes on', async () => {
    const server = startCli(['server', '-L', 'tunnel+ws://127.0.0.1:0?entrypoint=127.0.0.1:0&tunnel=a.local'])
    await eventually(() => expect(server.said()).toContain('tunnel server on port'))
    expect(server.said()).toContain('warning: -L tunnel+ws://127.0.0.1:0: rule 1 of tunnel= (a.local) has no tunnel id')
    expect(await server.stop()).toBe(143)
  })

  it('is refused with a carrier that only gost has, and names those that there are', async () => {
    const { code, stderr } = await runCli(['server', '-L', 'tunnel+kcp://127.0.0.1:0?entrypoint=127.0.0.1:0'])
    expect([code, stderr]).toEqual([2, expect.stringMatching(/its carrier kcp is not supported\nhint: +take ws, wss, tls or tcp/)])
  })

  it('is refused with a port that does not exist', async () => {
    const { code, stderr } = await runCli(['server', '-L', 'tunnel+ws://127.0.0.1:99999?entrypoint=127.0.0.1:0'])
    expect([code, stderr]).toEqual([3, expect.stringContaining('99999 is no port (0 to 65535)')])
  })
})
