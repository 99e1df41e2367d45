/** `--tunnel-server`: a server that no cluster tells of, and what it turns out to be. */
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { startWorld, TUNNEL, type World } from '../unit/server/world.ts'
import { MemoryStream, runCli } from './run-cli.ts'

const homes: string[] = []
afterEach(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true })
})

function intercept(world: World, appPort: number, flags: readonly string[], tunnelId = TUNNEL) {
  const home = mkdtempSync(path.join(os.tmpdir(), 'named-'))
  homes.push(home)
  const signals = new EventEmitter()
  let said = (): string => ''
  const { tunnelPort, entrypointPort } = world.server
  const server = ['--tunnel-server', `ws://127.0.0.1:${tunnelPort}/proxy`, '--tunnel-id', tunnelId]
  const entrypoint = ['--entrypoint', `http://127.0.0.1:${entrypointPort}`]
  const done = runCli([...server, ...entrypoint, '-p', String(appPort), '-o', 'json', ...flags], {
    home,
    signals,
    onStart: ({ stdout }) => {
      if (stdout instanceof MemoryStream) said = () => stdout.text
    }
  })
  return {
    said: () => said(),
    /** Another command of the same user. */
    beside: (...argv: string[]) => runCli(argv, { home }),
    async stop() {
      signals.emit('SIGINT')
      return (await done).code
    },
    done
  }
}

describe('a server named by a flag', () => {
  it('chooses by a filter when it is one of ours', async () => {
    await using world = await startWorld()
    await using laptop = await startApp({ name: 'laptop' })
    const session = intercept(world, laptop.port, ['--header', 'X-User: ada'])
    await eventually(() => expect(session.said()).toContain('it leads nginx.local here'))
    const asked = await Promise.all(['ada', 'bob', 'ada'].map(user => world.visit('/', { headers: { 'X-User': user } })))
    expect(asked.map(({ text }) => text.trim())).toEqual(['laptop', 'app0', 'laptop'])
    expect(await session.stop()).toBe(0)
  })

  it('sends copies when it is one of ours', async () => {
    await using world = await startWorld()
    await using laptop = await startApp({ name: 'laptop' })
    const session = intercept(world, laptop.port, ['--mirror'])
    await eventually(() => expect(world.server.stats().connectors.map(({ condition }) => condition)).toContain('mirror'))
    expect((await world.visit('/copied')).text.trim()).toBe('app0')
    await eventually(() => expect(laptop.seen.map(request => request.path)).toContain('/copied'))
    expect(await session.stop()).toBe(0)
  })

  it('is asked without being bound, and without credentials', async () => {
    await using world = await startWorld({ server: { credentials: [{ user: 'ada', password: 'secret' }] }, weights: [] })
    const { code, stdout } = await intercept(world, 1, ['--dry-run', '--header', 'X-User: ada']).done
    expect([code, stdout]).toEqual([0, expect.stringContaining('the tunnel server chooses: only what matches comes to this laptop')])
    expect(world.server.stats()).toMatchObject({ binds: 0, refused: 0 })
  })

  it('is not verified by an arrival where no host is known', async () => {
    await using world = await startWorld()
    await using laptop = await startApp({ name: 'laptop' })
    const session = intercept(world, laptop.port, ['-o', 'plain'])
    await eventually(() => expect(session.said()).toContain('the server reaches this laptop; it leads nginx.local here: --entrypoint'))
    expect(session.said()).toContain('whether visitors reach this laptop is not known')
    expect(session.said()).toContain('other connectors not known')
    expect(session.said()).not.toMatch(/verified \d|visitors reach this laptop$/m)
    expect(await session.stop()).toBe(0)
    expect(session.said()).not.toContain('sidecar)')
  })

  it('says early that nobody serves a mistyped tunnel, and is left without a failure', async () => {
    await using world = await startWorld()
    await using laptop = await startApp({ name: 'laptop' })
    const session = intercept(world, laptop.port, ['-o', 'plain'], TUNNEL.replace('1', '2'))
    await eventually(() => expect(session.said()).toContain('registered'))
    expect(session.said().indexOf('nobody serves tunnel 20bc451e')).toBeGreaterThan(0)
    await eventually(() => expect(session.said()).toContain('no host leads to this tunnel: no rule of the server names it'))
    expect(await session.stop()).toBe(0)
    expect(session.said()).toContain('nobody served it before this session')
  })

  it('is found out to serve nobody any more when its only connector left meanwhile', async () => {
    await using world = await startWorld()
    await using laptop = await startApp({ name: 'laptop' })
    const session = intercept(world, laptop.port, ['-o', 'plain'])
    await eventually(() => expect(session.said()).toContain('it leads nginx.local here'))
    await Promise.all(world.sidecars.map(sidecar => sidecar.close()))
    expect(await session.stop()).toBe(9)
  })

  it('does not call a weight among unknown connectors a share', async () => {
    await using world = await startWorld()
    await using laptop = await startApp({ name: 'laptop' })
    const session = intercept(world, laptop.port, ['-o', 'plain'])
    await eventually(() => expect(session.said()).toContain('it leads nginx.local here'))
    expect(await session.beside('set', 'weight=1')).toMatchObject({
      stdout: 'tunnel/10bc451e weight 1, share of the visitors not known\n'
    })
    const refused = await session.beside('set', 'tunnel/10bc451e', 'split=50%')
    expect(refused.stderr).toMatch(
      /a share of 50 % cannot be computed: who else[^]*take a weight instead: kubectl intercept set tunnel\/10bc451e weight=1/
    )
    await eventually(() => expect(session.said()).toContain('weight 1: its share of the visitors is not known'))
    expect(session.said()).not.toMatch(/100 %/)
    expect(await session.stop()).toBe(0)
    expect((await intercept(world, laptop.port, ['-o', 'plain', '--split', '50%']).done).stderr).toMatch(/cannot be computed[^]*--weight 1/)
  })

  it('is listed without a kubeconfig, with a word on the cluster that was not asked', async () => {
    await using world = await startWorld()
    await using laptop = await startApp({ name: 'laptop' })
    const session = intercept(world, laptop.port, [])
    await eventually(() => expect(session.said()).toContain('it leads nginx.local here'))
    const { code, stdout, stderr } = await session.beside('list')
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^only the sessions of this machine: no cluster was asked, no kubeconfig found/)
    ])
    expect(stdout).toMatch(/^PID +TARGET +STATE +LOCAL\n\d+ +tunnel\/10bc451e +registered +127\.0\.0\.1:\d+\n$/)
    expect(JSON.parse((await session.beside('list', '-o', 'json')).stdout)).toMatchObject({ items: [], sessions: [{ answers: true }] })
    expect(await session.beside('list', '--context', 'prod')).toMatchObject({ code: 3, stdout: '' })
    expect(await session.stop()).toBe(0)
    expect(await session.beside('list')).toMatchObject({ code: 3 })
  })

  it('cannot be checked, and is no failure, where the name of the entrypoint does not resolve', async () => {
    await using world = await startWorld()
    await using laptop = await startApp({ name: 'laptop' })
    const session = intercept(world, laptop.port, ['-o', 'plain', '--entrypoint', 'http://nowhere.invalid'])
    await eventually(() =>
      expect(session.said()).toMatch(/registered \(unverified: entrypoint nowhere\.invalid: (?:no such host|the name server)/)
    )
    expect(await session.stop()).toBe(0)
    expect(session.said()).toMatch(/could not be checked \(entrypoint nowhere\.invalid: (?:no such host|the name server)/)
    expect(session.said()).not.toContain('NOT serving')
  })

  it('is verified by the host of its entrypoint, and at a smaller weight says what was not seen', async () => {
    await using world = await startWorld({ server: { rules: [{ host: 'localhost', tunnelId: TUNNEL }] } })
    await using laptop = await startApp({ name: 'laptop' })
    const entrypoint = ['-o', 'plain', '--entrypoint', `http://localhost:${world.server.entrypointPort}`]
    const session = intercept(world, laptop.port, entrypoint)
    await eventually(() => expect(session.said()).toMatch(/verified \d+/))
    await session.beside('set', 'weight=1')
    await eventually(() => expect(session.said()).toContain('whether localhost leads here is seen only at weight 255'))
    expect(await session.stop()).toBe(0)
  })
})
