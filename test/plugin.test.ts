/** The plugin as it is shipped: krew's rules, the archive, the launcher. test/e2e/plugin.test.ts installs it with the real krew. */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { archiveFindings, archiveName, completeManifest, type Manifest, manifestFindings, type Package, PLATFORMS } from '../plugin/krew.ts'
import { tar, tarGz } from '../plugin/tar.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const manifest = parse(read('krew-manifest.yaml')) as Manifest
const packageJson = JSON.parse(read('package.json')) as Package & { engines: { node: string }; devDependencies: { node: string } }
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'plugin test '))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('krew-manifest.yaml', () => {
  it('is valid by the rules of krew and krew-index', () => {
    expect(manifestFindings(manifest)).toEqual([])
  })

  it('is what package.json says, but for the sums', () => {
    const sums = new Map(manifest.spec?.platforms?.map(platform => [platform.uri, platform.sha256]))
    const made = completeManifest(manifest, packageJson, () => '0'.repeat(64))
    expect(made).toEqual(manifest)
    expect(sums.size).toBe(PLATFORMS.length)
  })

  it.each<[string, (broken: Required<Manifest> & { spec: NonNullable<Manifest['spec']> }) => void, RegExp]>([
    ['another apiVersion', broken => void (broken.apiVersion = 'v1'), /apiVersion/],
    ['a name that is a Windows device', broken => void (broken.metadata = { name: 'nul' }), /metadata\.name/],
    ['a version without v', broken => void (broken.spec.version = '0.1.0'), /spec\.version/],
    ['two lines of short description', broken => void (broken.spec.shortDescription = 'a\nb'), /shortDescription/],
    ['no description', broken => void (broken.spec.description = ' '), /description/],
    ['no platforms', broken => void (broken.spec.platforms = []), /platforms must not be empty/],
    ['a platform twice', broken => void broken.spec.platforms?.push({ ...broken.spec.platforms[0] }), /same system/],
    ['upper-case sums', broken => void (broken.spec.platforms = [{ ...broken.spec.platforms?.[0], sha256: 'A'.repeat(64) }]), /sha256/],
    [
      'a system that krew does not know',
      broken => void (broken.spec.platforms = [{ selector: { matchLabels: { os: 'plan9', arch: 'amd64' } } }]),
      /plan9/
    ],
    ['an empty file list', broken => void (broken.spec.platforms = [{ ...broken.spec.platforms?.[0], files: [] }]), /files/]
  ])('is refused with %s', (_what, breakIt, finding) => {
    const broken = structuredClone(manifest) as Required<Manifest> & { spec: NonNullable<Manifest['spec']> }
    breakIt(broken)
    expect(manifestFindings(broken).join('\n')).toMatch(finding)
  })
})

describe('plugin/manifests', () => {
  const article = read('test/fixtures/manifests/article.yaml')

  it("has the article's manifests with only the image changed", () => {
    const [, ...lines] = read('plugin/manifests/image-only.yaml').split('\n')
    expect(lines.join('\n')).toBe(article.replaceAll('gogost/gost', 'ghcr.io/kubectl-intercept/kubectl-intercept'))
  })

  it('gives a server more time to end than its drain takes', () => {
    const text = read('plugin/manifests/scaled.yaml')
    const seconds = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN)
    const drain = seconds(/--drain-delay=(\d+)s/) + seconds(/--grace=(\d+)s/)
    expect(seconds(/terminationGracePeriodSeconds: (\d+)/)).toBeGreaterThan(drain)
  })
})

describe('an archive of an image', () => {
  it('carries extended attributes, and a length that counts itself', () => {
    const bytes = tar([{ path: 'bin/a', mode: 0o755, content: Buffer.from('x'), xattrs: { 'user.note': Buffer.from('w'.repeat(73)) } }])
    const record = bytes.subarray(512, 1_024).toString().replace(/\0+$/, '')
    expect(record).toBe(`100 SCHILY.xattr.user.note=${'w'.repeat(73)}\n`.replace('100', String(record.length)))
    expect([bytes.toString('latin1', 156, 157), bytes.toString('latin1', 1_024 + 156, 1_024 + 157)]).toEqual(['x', '0'])
  })
})

describe('the archive', () => {
  const files = [
    { path: 'kubectl-intercept', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
    { path: 'LICENSE', mode: 0o644, content: Buffer.from('words') },
    { path: `dist/${'x'.repeat(90)}/${'y'.repeat(60)}.js`, mode: 0o644, content: Buffer.alloc(1_025, 'z') }
  ]

  it('is the same for the same files in any order', () => {
    expect(tarGz(files.toReversed()).equals(tarGz(files))).toBe(true)
  })

  it('unpacks with tar to the same bytes and modes', () => {
    const archive = path.join(folder, 'archive.tar.gz')
    const out = path.join(folder, 'out')
    mkdirSync(out)
    writeFileSync(archive, tarGz(files))
    const listing = execFileSync('tar', ['-tvzf', archive], { encoding: 'utf8' })
    expect(listing).toMatch(/^-rwxr-xr-x 0\/0 +10 .* kubectl-intercept$/m)
    expect(listing).toMatch(/^-rw-r--r-- 0\/0 +5 .* LICENSE$/m)
    execFileSync('tar', ['-xzf', archive, '-C', out])
    for (const file of files) expect(readFileSync(path.join(out, file.path)).equals(file.content)).toBe(true)
  })

  it('is refused by the rules with a link, a way out, without the program or a licence', () => {
    const names = (...paths: string[]): { path: string; type: string }[] => paths.map(name => ({ path: name, type: 'file' }))
    expect(archiveFindings(names('kubectl-intercept', 'LICENSE'), 'kubectl-intercept')).toEqual([])
    expect(archiveFindings(names('kubectl-intercept'), 'kubectl-intercept').join()).toMatch(/LICENSE/)
    expect(archiveFindings(names('LICENSE'), 'kubectl-intercept').join()).toMatch(/not in the archive/)
    expect(archiveFindings(names('kubectl-intercept', 'LICENSE', 'a..b'), 'kubectl-intercept').join()).toMatch(/\.\./)
    expect(archiveFindings([...names('kubectl-intercept', 'LICENSE'), { path: 'l', type: 'link' }], 'kubectl-intercept').join()).toMatch(
      /only files/
    )
  })

  it('is called after each platform', () => {
    expect(PLATFORMS.map(archiveName)).toContain('kubectl-intercept_linux_amd64.tar.gz')
  })
})

describe('the launcher', () => {
  /** An installed plugin in a folder with spaces whose program prints its arguments, called through krew's kind of links. */
  function install(): string {
    const store = path.join(folder, 'store', 'intercept', 'v0.1.0')
    mkdirSync(path.join(store, 'dist'), { recursive: true })
    mkdirSync(path.join(folder, 'bin'), { recursive: true })
    writeFileSync(path.join(store, 'kubectl-intercept'), read('plugin/kubectl-intercept'), { mode: 0o755 })
    writeFileSync(
      path.join(store, 'dist', 'kubectl-intercept.js'),
      'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7\n'
    )
    symlinkSync(path.join(store, 'kubectl-intercept'), path.join(folder, 'absolute'))
    symlinkSync('../absolute', path.join(folder, 'bin', 'kubectl-intercept'))
    return path.join(folder, 'bin', 'kubectl-intercept')
  }
  let link = ''
  beforeAll(() => {
    link = install()
  })
  /** A PATH with a shell's tools and, perhaps, a node. */
  const pathWith = (...programs: string[]): string => {
    const tools = mkdtempSync(path.join(folder, 'path '))
    for (const name of ['sh', 'readlink'])
      symlinkSync(execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(), path.join(tools, name))
    for (const name of programs) symlinkSync(process.execPath, path.join(tools, name))
    return tools
  }

  it.each(['node', 'nodejs'])('runs the program with the %s of PATH, through links, with its arguments and status', name => {
    const result = spawnSync(link, ['svc/nginx', '--header', 'X-User: a b', ''], { encoding: 'utf8', env: { PATH: pathWith(name) } })
    expect(result).toMatchObject({ status: 7, stdout: '["svc/nginx","--header","X-User: a b",""]\n', stderr: '' })
  })

  it('takes the Node that KUBECTL_INTERCEPT_NODE names', () => {
    const result = spawnSync(link, ['x'], { encoding: 'utf8', env: { PATH: pathWith(), KUBECTL_INTERCEPT_NODE: process.execPath } })
    expect(result).toMatchObject({ status: 7, stdout: '["x"]\n' })
  })

  it('says in one sentence that there is no Node, with a hint', () => {
    const result = spawnSync(link, [], { encoding: 'utf8', env: { PATH: pathWith() } })
    expect(result.status).toBe(3)
    expect(result.stderr.split('\n')).toEqual([expect.stringMatching(/^error: .*Node\.js 22\.19/), expect.stringMatching(/^hint: /), ''])
  })

  it('names the oldest Node that package.json allows', () => {
    expect(`>=${/Node\.js (\S+) or newer/.exec(read('plugin/kubectl-intercept'))?.[1]}.0`).toBe(packageJson.engines.node)
  })
})

describe('the bootstrap', () => {
  it('names its tasks when it does not know one', () => {
    const result = spawnSync(process.execPath, [path.join(root, 'plugin', 'run.mjs'), 'nonsense'], { encoding: 'utf8' })
    expect(result.status).toBe(1)
    expect(result.stderr).toMatch(/no task called "nonsense"[\s\S]*demo \| test/)
  })

  it('has a task behind every npm script that names it', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = Object.values(scripts).flatMap(line => /^node plugin\/run\.mjs (\S+)$/.exec(line)?.[1] ?? [])
    const { stderr } = spawnSync(process.execPath, [path.join(root, 'plugin', 'run.mjs'), 'nonsense'], { encoding: 'utf8' })
    const known = (/npm run (.*)/.exec(stderr)?.[1] ?? '').split(' | ')
    expect(named.toSorted()).toEqual(known.toSorted())
  })
})

describe('the bundle', () => {
  it('starts, is small at the entry, and is made of chunks', () => {
    const out = path.join(folder, 'bundle')
    execFileSync(process.execPath, [path.join(root, 'plugin', 'build.ts'), '--outdir', out], { stdio: ['ignore', 'pipe', 'pipe'] })
    const program = path.join(out, 'kubectl-intercept.js')
    const result = spawnSync(process.execPath, [program, '--help'], { encoding: 'utf8', env: { PATH: process.env['PATH'] } })
    expect(result).toMatchObject({ status: 0, stderr: '' })
    expect(result.stdout).toContain('kubectl intercept')
    expect(readFileSync(program).length).toBeLessThan(200_000)
    expect(readdirSync(path.join(out, 'chunks')).length).toBeGreaterThan(3)
  })

  it('gets --env-file to itself, which Node would take for its own', () => {
    const out = path.join(folder, 'own')
    execFileSync(process.execPath, [path.join(root, 'plugin', 'build.ts'), '--outdir', path.join(out, 'dist')], {
      stdio: ['ignore', 'pipe', 'pipe']
    })
    copyFileSync(path.join(root, 'plugin', 'kubectl-intercept'), path.join(out, 'kubectl-intercept'))
    for (const program of [path.join(out, 'kubectl-intercept'), path.join(out, 'dist', 'kubectl-intercept.js')]) {
      const result = spawnSync(program, ['env', '--env-file', 'not-there.env'], { encoding: 'utf8', env: { PATH: process.env['PATH'] } })
      expect([result.status, result.stderr]).toEqual([2, expect.stringContaining('env needs a target')])
    }
  })
})
