import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { runCli, startCli as start } from './run-cli.ts'

const ID = '10bc451e-59dc-4c70-999e-91a30813ac78'

const get = (port: number, host: string, path = '/readyz'): Promise<{ status: number | undefined; text: string }> =>
  new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path, headers: { host }, agent: false }, answer => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => resolve({ status: answer.statusCode, text }))
      })
      .on('error', reject)
  })

describe("gost's command line", () => {
  it('runs our server and sidecar: a visitor reaches the app, and both drain on SIGTERM', async () => {
    const app = http.createServer((_request, response) => response.end('from the app')).listen(0, '127.0.0.1')
    await eventually(() => app.listening)
    const { port: appPort } = app.address() as AddressInfo

    const server = start(['server', '-L', `tunnel+ws://127.0.0.1:0?entrypoint=127.0.0.1:0&tunnel=nginx.local:${ID}&path=/proxy`])
    const ports = await eventually(() => {
      const [, tunnel, entrypoint] = /tunnel server on port (\d+) \(ws, path \/proxy\), entrypoint on (\d+)/.exec(server.said()) ?? []
      expect([tunnel, entrypoint]).not.toContain(undefined)
      return { tunnel: Number(tunnel), entrypoint: Number(entrypoint) }
    })
    const sidecar = start([
      'sidecar',
      '-L',
      `rtcp://:0/127.0.0.1:${appPort}`,
      '-F',
      `tunnel+ws://127.0.0.1:${ports.tunnel}?tunnel.id=${ID}&path=/proxy`
    ])
    await eventually(() => expect(sidecar.said()).toContain(`registered at 127.0.0.1:${ports.tunnel} for tunnel 10bc451e…, weight 1`))

    expect(await get(ports.entrypoint, 'nginx.local')).toEqual({ status: 200, text: 'from the app' })
    expect(await sidecar.stop()).toBe(143)
    expect(await server.stop()).toBe(143)
    expect(server.said() + sidecar.said()).not.toContain(ID)
    await expect(get(ports.entrypoint, 'nginx.local')).rejects.toThrow(/ECONNREFUSED/)
    app.close()
  })

  it('opens raw entrypoints by a flag of ours, and says what is wrong with one', async () => {
    const server = start(['server', '--entrypoint', `127.0.0.1:0=${ID}`, '-L', 'tunnel+ws://127.0.0.1:0?path=/proxy'])
    await eventually(() => expect(server.said()).toMatch(/tunnel server on port \d+ \(ws, path \/proxy\), entrypoint on \d+/))
    expect(await server.stop()).toBe(143)
    const bad = await runCli(['server', '--entrypoint', ':80=x', '-L', 'tunnel+ws://127.0.0.1:0'])
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('what stands behind = in --entrypoint is not a UUID')])
    const alone = await runCli(['server', '--entrypoint', ':80', '-L', `rtcp://:0/:1`, '-F', `tunnel+ws://127.0.0.1:1?tunnel.id=${ID}`])
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('needs exactly one tunnel listener')])
  })

  it('tells apps who asked where it is told whom to believe, and says what is no network', async () => {
    const line = `tunnel+ws://:8421?entrypoint=:80&tunnel=nginx.local:${ID}&path=/proxy`
    expect((await runCli(['server', '--check', '--forwarded', '10.0.0.0/8', '--forwarded', 'none', '-L', line])).code).toBe(0)
    const bad = await runCli(['server', '--check', '--forwarded', '10.0.0.0/33', '-L', line])
    expect([bad.code, bad.stderr]).toEqual([
      2,
      expect.stringMatching(/--forwarded needs a network, not .*10\.0\.0\.0\/33[^]*--forwarded none/)
    ])
  })

  it('says which port is in use', async () => {
    const taken = http.createServer().listen(0, '127.0.0.1')
    await eventually(() => taken.listening)
    const { port } = taken.address() as AddressInfo
    const { code, stderr } = await runCli(['server', '-L', `tunnel+ws://127.0.0.1:${port}?entrypoint=127.0.0.1:0&path=/proxy`])
    expect(code).toBe(8)
    expect(stderr).toContain(`port ${port} is in use`)
    const entrypoint = await runCli(['server', '-L', `tunnel+ws://127.0.0.1:0?entrypoint=127.0.0.1:${port}`])
    expect([entrypoint.code, entrypoint.stderr]).toEqual([8, expect.stringContaining(`port ${port} is in use`)])
    taken.close()
  })

  it('says with --check what would be done, and opens nothing', async () => {
    const { code, stdout } = await runCli(['server', '--check', '-L', `tunnel+ws://:1?entrypoint=:2&tunnel=nginx.local:${ID}&path=/proxy`])
    expect(code).toBe(0)
    expect(stdout).toBe('tunnel server on port 1, ws, path /proxy\n  visitors on port 2\n  nginx.local → tunnel 10bc451e…\n')
    const sidecar = await runCli(['sidecar', '--check', '-L', 'rtcp://:0/:80', '-F', `tunnel+ws://proxy:8421?tunnel.id=${ID}`])
    expect(sidecar.stdout).toBe('sidecar registers at proxy:8421, ws, path /ws\n  tunnel 10bc451e…, weight 1, app port 80\n')
  })

  it('starts in spite of flags of gost that it lacks, and refuses what nobody knows', async () => {
    const line = ['--check', '-api', ':18080', '-L', `tunnel+ws://:1?entrypoint=:2`]
    const { code, stderr } = await runCli(['server', ...line])
    expect([code, stderr]).toEqual([0, 'warning: -api has no effect here: there is no web API\n'])
    const bad = await runCli(['server', '--grace', 'soon', ...line])
    expect(bad.code).toBe(2)
    expect(bad.stderr).toContain('--grace must be a duration such as 500ms, 10s or 1m30s, not "soon"')
    expect((await runCli(['server', '--config', 'none.yaml', ...line])).stderr).toContain('--config: "none.yaml" cannot be read (ENOENT)')
  })

  it('answers probes, speaks JSON, and goes on serving for a while after SIGTERM', async () => {
    const own = '--health 127.0.0.1:0 --log-format json --drain-delay 500ms --grace 100ms'.split(' ')
    const server = start(['server', '-L', `tunnel+ws://127.0.0.1:0?entrypoint=127.0.0.1:0&tunnel=nginx.local:${ID}&path=/proxy`, ...own])
    const records = (): Record<string, string>[] =>
      server
        .said()
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line) as Record<string, string>)
    const port = await eventually(() => {
      const told = records().flatMap(({ what }) => /^health and metrics on port (\d+)$/.exec(what ?? '')?.[1] ?? [])
      expect(told).toHaveLength(1)
      return Number(told[0])
    })
    expect(records()[0]).toMatchObject({ level: 'info', msg: 'started', time: expect.stringMatching(/^\d{4}-.*Z$/) })
    expect(await get(port, 'probe')).toEqual({ status: 503, text: 'waiting for tunnel 10bc451e…\n' })
    expect((await get(port, 'probe', '/healthz')).status).toBe(200)
    expect((await get(port, 'probe', '/metrics')).text).toContain('intercept_tunnels_unserved 1\n')
    const stopped = server.stop()
    await eventually(async () => expect(await get(port, 'probe')).toEqual({ status: 503, text: 'shutting down\n' }))
    expect(await stopped).toBe(143)
    expect(records().flatMap(({ msg, what }) => (msg === 'draining' || msg === 'drained' ? [[msg, what]] : []))).toEqual([
      ['draining', 'serving for 0.5 s more, then draining'],
      ['drained', 'drained: every request was finished']
    ])
    expect(server.said()).not.toContain(ID)
  })

  it('reads rules from a file, and again when it changes, as a mounted ConfigMap does', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'rules-'))
    const mount = (version: string, text: string): void => {
      mkdirSync(path.join(folder, version))
      writeFileSync(path.join(folder, version, 'rules'), text)
      symlinkSync(version, path.join(folder, '..tmp'))
      renameSync(path.join(folder, '..tmp'), path.join(folder, '..data'))
    }
    mount('..1', `one.local ${ID}\n`)
    symlinkSync('..data/rules', path.join(folder, 'rules'))
    const server = start([...'server -L tunnel+ws://127.0.0.1:0?entrypoint=127.0.0.1:0 --rules'.split(' '), path.join(folder, 'rules')])
    const port = await eventually(() => {
      const [, told] = /entrypoint on (\d+)/.exec(server.said()) ?? []
      expect(told).toBeDefined()
      return Number(told)
    })
    expect([(await get(port, 'one.local')).status, (await get(port, 'two.local')).status]).toEqual([503, 502])
    mount('..2', 'two.local nothing\n')
    await eventually(() => expect(server.said()).toContain('line 1: two.local has no tunnel id behind it'), { timeoutMs: 10_000 })
    expect((await get(port, 'one.local')).status).toBe(503)
    mount('..3', `two.local ${ID}\n`)
    await eventually(async () => expect((await get(port, 'two.local')).status).toBe(503), { timeoutMs: 10_000 })
    expect((await get(port, 'one.local')).status).toBe(502)
    await server.stop()
    rmSync(folder, { recursive: true })
    const missing = await runCli(['server', '--check', '-L', 'tunnel+ws://:1?entrypoint=:2', '--rules', 'none'])
    expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining('--rules: "none" cannot be read (ENOENT)')])
  })

  it('says which health port is in use, when it was asked for', async () => {
    const taken = http.createServer().listen(0, '127.0.0.1')
    await eventually(() => taken.listening)
    const { port } = taken.address() as AddressInfo
    const line = ['server', '-L', 'tunnel+ws://127.0.0.1:0?entrypoint=127.0.0.1:0', '--health', `127.0.0.1:${port}`]
    const { code, stderr } = await runCli(line)
    expect([code, stderr]).toEqual([8, expect.stringContaining(`the health port ${port} cannot be used (EADDRINUSE)`)])
    taken.close()
  })
})
