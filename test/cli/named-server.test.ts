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

function intercept(world: World, appPort: number, flags: readonly string[]) {
  const home = mkdtempSync(path.join(os.tmpdir(), 'named-'))
  homes.push(home)
  const signals = new EventEmitter()
  let said = (): string => ''
  const { tunnelPort, entrypointPort } = world.server
  const server = ['--tunnel-server', `ws://127.0.0.1:${tunnelPort}/proxy`, '--tunnel-id', TUNNEL]
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
    await eventually(() => expect(session.said()).toContain('"to":"verified"'))
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
})
