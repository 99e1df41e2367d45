/** Our image in the cluster: in the article's manifests in gost's place, and as three servers that restart one after the other under load. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { arrivals, crowd, failed, type Visit, visit } from '../harness/visitors.ts'
import { endAll, intercept, kubectlBeside, localApp, plugin, who, type World, world } from './world.ts'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..')
const manifest = (name: string): string => readFileSync(path.join(root, 'plugin', 'manifests', name), 'utf8')
const IMAGE = 'ghcr.io/kubectl-intercept/kubectl-intercept'
const FULL = process.env['E2E_FULL'] === '1'
/** 200 with E2E_FULL=1, on a machine that has little else to do: there Traefik, three servers and the visitors share its cores. */
const RATE = FULL ? 200 : 50

/** The debs are in the cache of an earlier `npm run image`: the cluster's network has no way out. */
function makeImage(outdir: string): string {
  execFileSync(process.execPath, [path.join(root, 'plugin', 'image.ts'), '--outdir', outdir], { stdio: 'pipe' })
  return readFileSync(path.join(outdir, 'index.json'), 'utf8')
}

/** How many of each kind, with the second of the first. */
function kinds(visits: readonly Visit[]): Record<string, string> {
  const found = Map.groupBy(visits, ({ status, error, body }) => `${status} ${error ?? body.trim()}`)
  return Object.fromEntries(
    [...found].map(([kind, of]) => [
      kind,
      `${of.length} from ${Math.round(Math.min(...of.map(({ atMs }) => atMs)) / 1_000)} s on, the last at ${Math.round(Math.max(...of.map(({ atMs }) => atMs)) / 1_000)} s`
    ])
  )
}

let folder = ''
let first = ''
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'intercept-image-'))
  first = makeImage(path.join(folder, 'image'))
  execFileSync(path.join(root, 'test', 'cluster', 'load'), [IMAGE, path.join(folder, 'image')], { stdio: 'pipe' })
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

describe('three servers', () => {
  let scaled: World
  beforeAll(async () => {
    scaled = await world('scaled', manifest('scaled.yaml'))
  })
  afterAll(() => scaled.remove())

  it('have each sidecar registered with every one', async () => {
    await eventually(
      () => {
        const pods = scaled.kubectl('get', 'pods', '-l', 'app=proxy', '-o', 'name').trim().split('\n')
        expect(pods).toHaveLength(3)
        for (const pod of pods) {
          const from = [...scaled.kubectl('logs', pod).matchAll(/"from":"([^"]+)","msg":"connector bound"/g)].map(([, address]) => address)
          expect(new Set(from).size).toBe(2)
        }
      },
      { timeoutMs: 30_000, intervalMs: 500 }
    )
  })

  it(`lose no visitor of ${RATE} a second while they restart one after the other`, async () => {
    const load = arrivals({ ...scaled.visitor, rate: RATE, maxVisits: 100_000 })
    try {
      for (let round = 0; round < (FULL ? 3 : 1); round += 1) {
        await kubectlBeside('-n', scaled.namespace, 'rollout', 'restart', 'deployment/proxy')
        await kubectlBeside('-n', scaled.namespace, 'rollout', 'status', 'deployment/proxy', '--timeout=120s')
        // The last ones that ended are gone for good only after their drain.
        await eventually(
          async () =>
            expect(
              (await kubectlBeside('-n', scaled.namespace, 'get', 'pods', '-l', 'app=proxy', '-o', 'name')).trim().split('\n')
            ).toHaveLength(3),
          {
            timeoutMs: 60_000,
            intervalMs: 500
          }
        )
      }
    } finally {
      const visits = await load.stop()
      console.info(`rolling restart of 3 servers: ${failed(visits).length} of ${visits.length} requests failed`)
      expect(kinds(failed(visits))).toEqual({})
      expect(visits.length).toBeGreaterThan(RATE)
    }
  })
})
