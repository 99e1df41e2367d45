/** The archive of `npm run package`, installed by the real krew, called by the real kubectl. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type Manifest, manifestFindings } from '../../plugin/krew.ts'
import { peerProgram } from '../harness/gost.ts'

const run = promisify(execFile)
const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))))
const dist = path.join(root, 'dist')
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
const manifestFile = path.join(dist, 'krew-manifest.yaml')
const archive = path.join(dist, `kubectl-intercept_linux_${process.arch === 'arm64' ? 'arm64' : 'amd64'}.tar.gz`)

let krewRoot = ''
let env: NodeJS.ProcessEnv = {}
const krew = (...argv: string[]): Promise<{ stdout: string; stderr: string }> => run(peerProgram('krew'), argv, { env })
const kubectl = (...argv: string[]): Promise<{ stdout: string; stderr: string }> => run('kubectl', argv, { env })

beforeAll(async () => {
  await run(process.execPath, [path.join(root, 'plugin', 'build.ts'), '--if-changed'])
  await run(process.execPath, [path.join(root, 'plugin', 'package.ts')])
  krewRoot = mkdtempSync(path.join(os.tmpdir(), 'krew root '))
  const bin = path.join(root, 'node_modules', '.bin')
  env = { ...process.env, KREW_ROOT: krewRoot, PATH: [bin, path.join(krewRoot, 'bin'), process.env['PATH']].join(path.delimiter) }
  await krew('install', `--manifest=${manifestFile}`, `--archive=${archive}`)
})

afterAll(() => rmSync(krewRoot, { recursive: true, force: true }))

describe('the packaged plugin', () => {
  it('comes with a manifest that krew accepts', () => {
    expect(manifestFindings(parse(readFileSync(manifestFile, 'utf8')) as Manifest)).toEqual([])
  })

  it('is linked by krew into its folder of plugins', () => {
    const link = realpathSync(path.join(krewRoot, 'bin', 'kubectl-intercept'))
    expect(link).toBe(path.join(realpathSync(krewRoot), 'store', 'intercept', `v${version}`, 'kubectl-intercept'))
  })

  it('has the licence beside the program', () => {
    expect(readFileSync(path.join(krewRoot, 'store', 'intercept', `v${version}`, 'LICENSE'), 'utf8')).toContain('Apache License')
  })

  it('is found and run by kubectl', async () => {
    const { stdout } = await kubectl('intercept', 'version')
    expect(stdout).toContain(version)
  })

  it('prints its help through kubectl', async () => {
    const { stdout, stderr } = await kubectl('intercept', '--help')
    expect(stdout).toContain('kubectl intercept')
    expect(stderr).toBe('')
  })

  it('gives its exit status back through kubectl', async () => {
    await expect(kubectl('intercept', '--no-such-flag')).rejects.toMatchObject({ code: 2 })
  })

  it('is refused by krew when the archive is not the one of the manifest', async () => {
    const other = mkdtempSync(path.join(os.tmpdir(), 'krew other '))
    try {
      const spoilt = path.join(other, path.basename(archive))
      await run('sh', ['-c', 'gzip -dc "$0" | gzip -1 >"$1"', archive, spoilt])
      const install = run(peerProgram('krew'), ['install', `--manifest=${manifestFile}`, `--archive=${spoilt}`], {
        env: { ...env, KREW_ROOT: other }
      })
      await expect(install).rejects.toMatchObject({ stderr: expect.stringContaining('checksum') })
    } finally {
      rmSync(other, { recursive: true, force: true })
    }
  })
})
