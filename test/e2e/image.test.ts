/** Our image in the cluster: in the article's manifests in gost's place. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { crowd, failed, visit } from '../harness/visitors.ts'
import { manifest, PUBLISHED } from './our-image.ts'
import { endAll, intercept, localApp, plugin, who, type World, world } from './world.ts'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..')

/** The debs are in the cache of an earlier `npm run image`: the cluster's network has no way out. */
function makeImage(outdir: string): string {
  execFileSync(process.execPath, [path.join(root, 'plugin', 'image.ts'), '--outdir', outdir], { stdio: 'pipe' })
  return readFileSync(path.join(outdir, 'index.json'), 'utf8')
}

let folder = ''
let first = ''
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'intercept-image-'))
  first = makeImage(path.join(folder, 'image'))
  execFileSync(path.join(root, 'test', 'cluster', 'load'), [PUBLISHED, path.join(folder, 'image')], { stdio: 'pipe' })
})
afterAll(() => {
  endAll()
  rmSync(folder, { recursive: true, force: true })
})

describe('the image', () => {
  it('is the same when it is made again, and small', () => {
    expect(makeImage(path.join(folder, 'again'))).toBe(first)
    const size = Number(execFileSync('du', ['-sb', path.join(folder, 'again')], { encoding: 'utf8' }).split('\t')[0])
    expect(size).toBeLessThan(60 * 1_048_576)
  })
})

describe("the article's manifests with only the image changed", () => {
  let article: World
  beforeAll(async () => {
    article = await world('image', manifest('image-only.yaml'))
  })
  afterAll(() => article.remove())

  it('serve visitors, not as root, with health and JSON logs', async () => {
    const visits = await crowd({ ...article.visitor, count: 50, parallel: 8 })
    expect(failed(visits)).toEqual([])
    const pod = article.kubectl('get', 'pods', '-l', 'app=proxy', '-o', 'jsonpath={.items[0].metadata.name}')
    const proxied = (path: string): string =>
      article.kubectl('get', '--raw', `/api/v1/namespaces/${article.namespace}/pods/${pod}:9090/proxy${path}`)
    expect(proxied('/readyz')).toBe('ok\n')
    expect(proxied('/metrics')).toMatch(/^intercept_responses_total\{tunnel="10bc451e",connector="[0-9a-f]{8}",code="2xx"\} \d+$/m)
    const lines = article.kubectl('logs', 'deploy/proxy').trim().split('\n')
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('level')
    expect(lines.join()).toContain('"peer":"ours"')
    expect(lines.join()).not.toContain('59dc-4c70')
  })

  it('are found by kubectl intercept, which takes the visitors and gives them back', async () => {
    expect(plugin('list', '-n', article.namespace).stdout).toContain('nginx')
    const app = await localApp()
    const session = intercept(article.namespace, 'deploy/nginx', '--port', String(app.port))
    await session.state('verified')
    expect(who(await visit(article.visitor))).toBe('laptop')
    expect(await session.stop()).toBe(0)
    expect(who(await visit(article.visitor))).toBe('pod')
    await app.kill()
  })
})
