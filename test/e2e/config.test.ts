/** A config file beside the real kubectl: found from a folder below, named intercept, the visitors at the port that the file names. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { visit } from '../harness/visitors.ts'
import { ARTICLE, endAll, env, intercept, localApp, who, type World, world } from './world.ts'

const HOST = 'config.local'
let shop: World
let folder: string
beforeAll(async () => {
  shop = await world('config', ARTICLE.replaceAll('nginx.local', HOST), HOST)
  folder = mkdtempSync(path.join(tmpdir(), 'intercept-config-'))
  mkdirSync(path.join(folder, '.git'))
  mkdirSync(path.join(folder, 'below'))
})
afterAll(() => {
  endAll()
  shop.remove()
  rmSync(folder, { recursive: true, force: true })
})

describe('a config file', () => {
  it('brings the visitors of a named intercept to its port', async () => {
    const app = await localApp()
    const file = path.join(folder, '.kubectl-intercept.yaml')
    writeFileSync(file, `intercepts:\n  front: {target: svc/nginx, port: ${app.port}}\ndefaults: {via: ws://203.0.113.7, grace: 2s}\n`)
    const plan = spawnSync('kubectl', ['intercept', 'front', '--dry-run', '-n', shop.namespace], {
      cwd: path.join(folder, 'below'),
      env,
      encoding: 'utf8'
    })
    expect([plan.status, plan.stderr]).toEqual([0, ''])
    expect(plan.stdout).toContain(
      `using ../.kubectl-intercept.yaml: front is svc/nginx (another front is typed svc/front), port ${app.port}`
    )
    expect(plan.stdout).toContain('type --via ROUTE')

    Object.assign(env, { KUBECTL_INTERCEPT_CONFIG: file })
    const session = intercept(shop.namespace, 'front')
    await session.state('verified')
    expect(who(await visit(shop.visitor))).toBe('laptop')
    expect(session.events[0]).toMatchObject({ type: 'notice', code: 'CONFIG' })
    expect(await session.stop()).toBe(0)
    await shop.served()
    await app.kill()
  })
})
