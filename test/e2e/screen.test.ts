/** The screen and recordings on a real cluster: opened by the real kubectl, turned while visitors come, written, replayed. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { openScreen } from '../harness/screen.ts'
import { crowd, tally } from '../harness/visitors.ts'
import { ARTICLE, endAll, env, intercept, localApp, type World, who, world } from './world.ts'

let article: World
let app: Awaited<ReturnType<typeof localApp>>
let folder: string
beforeAll(async () => {
  article = await world('screen', ARTICLE)
  app = await localApp()
  folder = await mkdtemp(path.join(tmpdir(), 'e2e-screen-'))
})
afterAll(async () => {
  endAll()
  article.remove()
  await rm(folder, { recursive: true })
})

const share = async (): Promise<Record<string, number>> => tally(await crowd({ ...article.visitor, count: 100 }), who)

describe('kubectl intercept svc/nginx in a terminal', () => {
  it('opens the screen, turns the weight while visitors come, holds, takes again, and gives all back', async () => {
    const argv = ['intercept', '-n', article.namespace, 'svc/nginx', '--port', String(app.port)]
    await using screen = openScreen('kubectl', argv, { env: { ...env, CI: undefined } })
    await screen.shows(/● verified/, 20_000)
    expect(screen.fullScreen).toBe(true)
    expect(await share()).toEqual({ laptop: 100 })
    await screen.shows(/GET +\//)
    screen.press('w', 'Backspace', 'Backspace', 'Backspace', '1', 'Enter')
    await screen.shows(/weight 1 \(50 %\)/)
    const half = await share()
    expect(half['laptop']).toBeGreaterThan(25)
    expect(half['pod']).toBeGreaterThan(25)
    screen.press('Space')
    await screen.shows('⏸ held')
    // Said at once; the visitors are gone when the command says so.
    await screen.shows('given back: the cluster serves')
    expect(await share()).toEqual({ pod: 100 })
    screen.press('Space')
    await screen.shows(/● (?:verified|registered)/)
    screen.press('w', 'Backspace', '255', 'Enter')
    await screen.shows(/● verified.*weight 255/)
    await screen.shows(' weight 255 ')
    expect(await share()).toEqual({ laptop: 100 })
    screen.press('q')
    expect(await screen.exit).toBe(0)
    expect(screen.text()).toMatch(/requests in .*\nnginx is served without this laptop \(200 in \d+ ms; 1 sidecar\)$/)
    expect(await share()).toEqual({ pod: 100 })
  })
})

describe('a command beside the screen', () => {
  it('has its output in the file of --log-to, its requests on the screen, and ends with it', async () => {
    const log = path.join(folder, 'app.log')
    const script = `require('node:http').createServer((q, r) => { console.log('served', q.url); r.end('laptop') }).listen(process.env.INTERCEPT_PORT, '127.0.0.1')`
    const argv = ['intercept', '-n', article.namespace, 'svc/nginx', '--port', '3458', '-o', 'tui', '--log-to', log, '--']
    await using screen = openScreen('kubectl', [...argv, process.execPath, '-e', script], { env: { ...env, CI: undefined } })
    await screen.shows(/● verified/, 20_000)
    expect(await share()).toEqual({ laptop: 100 })
    await screen.shows(/GET +\//)
    screen.press('q')
    expect(await screen.exit).toBe(0)
    expect(screen.text()).toMatch(/nginx is served without this laptop \(200 in \d+ ms; 1 sidecar\)$/)
    const lines = (await readFile(log, 'utf8')).trim().split('\n')
    expect(lines.filter(line => line === 'served /').length).toBeGreaterThanOrEqual(100)
    expect(await share()).toEqual({ pod: 100 })
  })
})

describe('kubectl intercept set', () => {
  it('changes the session of another terminal', async () => {
    const session = intercept(article.namespace, 'svc/nginx', '--port', String(app.port))
    await session.state('verified')
    const set = (...words: string[]) => spawnSync('kubectl', ['intercept', 'set', ...words], { env, encoding: 'utf8' })
    expect(set('nginx', 'weight=1')).toMatchObject({ status: 0 })
    const half = await share()
    expect(half['laptop']).toBeGreaterThan(25)
    expect(half['laptop']).toBeLessThan(75)
    expect(set('hold')).toMatchObject({ status: 0 })
    expect(await share()).toEqual({ pod: 100 })
    expect(set('nginx', 'release')).toMatchObject({ status: 0 })
    expect(set('nginx', 'weight=255')).toMatchObject({ status: 0 })
    await eventually(async () => expect(await share()).toEqual({ laptop: 100 }), { timeoutMs: 10_000 })
    expect(await session.stop()).toBe(0)
  })
})

describe('a recording', () => {
  it('is a whole HAR after Ctrl-C, without a secret, and a regression test afterwards', async () => {
    const file = path.join(folder, 'traffic.har')
    const session = intercept(article.namespace, 'svc/nginx', '--port', String(app.port), '--record', file)
    await session.state('verified')
    await crowd({ ...article.visitor, count: 20, headers: { Authorization: 'Bearer e2e-s3cret' } })
    expect(await session.stop()).toBe(0)
    expect(session.events.at(-1)).toMatchObject({ type: 'session.ended', recording: file })
    const text = await readFile(file, 'utf8')
    const har = JSON.parse(text) as { log: { entries: { response: { status: number } }[] } }
    expect(har.log.entries).toHaveLength(20)
    expect(text).not.toContain('e2e-s3cret')
    const replay = (...more: string[]) =>
      spawnSync(
        'kubectl',
        ['intercept', 'replay', file, '--to', `http://127.0.0.1:${app.port}`, '--set-header', 'Authorization:', ...more],
        { env, encoding: 'utf8' }
      )
    const same = replay('--diff')
    expect(same.stdout).toContain('20 requests sent, 20 answered the same, 0 different')
    expect(same.status).toBe(0)
  })
})
