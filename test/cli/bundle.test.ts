/** The built program as it is installed: what the bundler makes of imports shows only here. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Kind } from '../../src/kube/types.ts'
import { startFakeKubernetes } from '../harness/fake-kubernetes.ts'
import type { FakeObject } from '../harness/fake-kubernetes/store.ts'
import { objectCluster, readManifests } from '../harness/object-cluster.ts'

const run = promisify(execFile)
const root = path.dirname(path.dirname(import.meta.dirname))
const folder = mkdtempSync(path.join(os.tmpdir(), 'bundle test '))
const intercept = (...argv: string[]): Promise<{ stdout: string; stderr: string }> =>
  run(process.execPath, [path.join(folder, 'kubectl-intercept.js'), ...argv], { env: { PATH: process.env['PATH'], HOME: folder } })

/** The article's objects, by the name of their resource. */
function articleObjects(): Partial<Record<Kind, FakeObject[]>> {
  const objects: Partial<Record<string, FakeObject[]>> = {}
  for (const object of objectCluster(readManifests('manifests/article.yaml')).objects) {
    const resource = object.kind === 'Ingress' ? 'ingresses' : `${object.kind.toLowerCase()}s`
    objects[resource] = [...(objects[resource] ?? []), object]
  }
  return objects
}

beforeAll(async () => {
  await run(process.execPath, [path.join(root, 'plugin', 'build.ts'), '--outdir', folder])
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the built program', () => {
  it('prints its version in every format', async () => {
    const text = await intercept('version')
    const json = await intercept('version', '-o', 'json')
    const yaml = await intercept('version', '-o', 'yaml')
    expect(text.stdout).toMatch(/^kubectl-intercept \d/)
    expect(JSON.parse(json.stdout)).toHaveProperty('node', process.versions.node)
    expect(parse(yaml.stdout)).toEqual(JSON.parse(json.stdout))
  })

  it('lists the tunnels of a cluster in every format', async () => {
    const fake = await startFakeKubernetes({ objects: articleObjects() })
    try {
      const list = async (...more: string[]): Promise<string> =>
        (await intercept('list', '--kubeconfig', fake.kubeconfigPath, ...more)).stdout
      const [table, wide, json, yaml, name] = await Promise.all([
        list(),
        list('-o', 'wide'),
        list('-o', 'json'),
        list('-o', 'yaml'),
        list('-o', 'name')
      ])
      expect(table).toMatch(/^NAME .*\nnginx +deployment\/nginx/)
      expect(wide).toContain('PROTOCOL')
      expect(JSON.parse(json)).toMatchObject({ items: [{ name: 'nginx', joinable: true }] })
      expect(parse(yaml)).toEqual(JSON.parse(json))
      expect(name).toBe('deployment/nginx\n')
    } finally {
      await fake.close()
    }
  })

  it('loads no CommonJS package by import(): the bundler gives such a one as default only', () => {
    const chunks = readdirSync(path.join(folder, 'chunks')).filter(file => file.endsWith('.js'))
    const bare = chunks.filter(file => /export default /.test(readFileSync(path.join(folder, 'chunks', file), 'utf8')))
    expect(chunks.length).toBeGreaterThan(3)
    expect(bare).toEqual([])
  })
})
