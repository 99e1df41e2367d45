/** A session that holds its target, as a process of its own: it has no connection then, and must be there all the same when it is asked to go on. */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { startApp } from '../harness/app.ts'
import { startProgram } from '../harness/child.ts'
import { eventually } from '../harness/eventually.ts'
import { startWorld, TUNNEL } from '../unit/server/world.ts'

const PROGRAM = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'src', 'kubectl-intercept.ts')

describe('a held session', () => {
  it('waits to be released, for however long, and then has the visitors again', async () => {
    const home = mkdtempSync(path.join(os.tmpdir(), 'held-'))
    const env = { ...process.env, HOME: home, KUBECONFIG: path.join(home, 'none') }
    await using world = await startWorld()
    await using laptop = await startApp({ name: 'laptop' })
    const { tunnelPort, entrypointPort } = world.server
    const server = ['--tunnel-server', `ws://127.0.0.1:${tunnelPort}/proxy`, '--tunnel-id', TUNNEL]
    const flags = ['--entrypoint', `http://127.0.0.1:${entrypointPort}`, '-p', String(laptop.port), '-o', 'plain']
    await using session = await startProgram(process.execPath, [PROGRAM, ...server, ...flags], { env })
    const run = async (...argv: string[]): Promise<string> => {
      await using program = await startProgram(process.execPath, [PROGRAM, ...argv], { env })
      await program.ended
      return program.log()
    }
    const who = async (): Promise<unknown> => (await world.visit('/')).headers['x-app']
    await eventually(async () => expect(await who()).toBe('laptop'), { timeoutMs: 20_000 })
    expect(await run('set', 'hold')).toContain('held; the cluster serves')
    await eventually(async () => expect(await who()).toBe('app0'))
    // Some seconds of real work, in which nothing of the session is due.
    for (let count = 0; count < 12; count += 1) await run('version', '--client')
    expect(session.status()).toBeUndefined()
    expect(await run('set', 'release')).not.toContain('error')
    await eventually(async () => expect(await who()).toBe('laptop'))
    rmSync(home, { recursive: true, force: true })
  }, 60_000)
})
