/**
 * `npm run image`: dist/image, an OCI layout of the server and sidecar, without a Docker daemon. Two layers: the pinned Node with the few files of glibc
 * and libstdc++ that it needs, from Debian packages pinned by version and sum (`image.json`), and the program. Nothing in it comes from this
 * machine and nothing changes from run to run, so that the same sources give the same digest everywhere; where the mirrors no longer have pinned
 * packages, it says which ones stand in for them. `--outdir DIR` writes elsewhere.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { debianPackages, filesOf, type PinnedPackage, sha256 } from './debian.ts'
import { tar, type TarFile } from './tar.ts'

interface Pinned {
  /** The program that the npm package `node` of package.json brings. */
  node: { sha256: string }
  /** Of Debian. */
  release: string
  packages: (PinnedPackage & { files: string[] })[]
}

interface Blob {
  mediaType: string
  digest: string
  size: number
}

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const dist = path.join(root, 'dist')
const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'kubectl-intercept', 'image')
/** Packages that stand in for pinned ones. */
const others: string[] = []

/** Where the program looks for its libraries. */
const LIBRARIES = 'lib/x86_64-linux-gnu'
const PROGRAM = 'opt/kubectl-intercept'
const USER = 65_532
/** security.capability, version 2: NET_BIND_SERVICE, so that `entrypoint=:80` needs no root. */
const MAY_BIND_LOW_PORTS = Buffer.from('0100000200040000000000000000000000000000', 'hex')

function fail(sentence: string, hint: string): never {
  console.error(`error: ${sentence}\nhint:  ${hint}`)
  process.exit(1)
}

async function baseLayer(pinned: Pinned): Promise<TarFile[]> {
  const node = await readFile(path.join(root, 'node_modules', 'node', 'bin', 'node'))
  if (sha256(node) !== pinned.node.sha256) fail('node_modules/node is not the Node that plugin/image.json pins', 'npm ci')
  const layer: TarFile[] = [
    { path: 'usr/bin/node', mode: 0o755, content: node, xattrs: { 'security.capability': MAY_BIND_LOW_PORTS } },
    { path: 'etc/passwd', mode: 0o644, content: Buffer.from(`intercept:x:${USER}:${USER}::/:/sbin/nologin\n`) },
    { path: 'etc/group', mode: 0o644, content: Buffer.from(`intercept:x:${USER}:\n`) },
    { path: 'etc/nsswitch.conf', mode: 0o644, content: Buffer.from('hosts: files dns\n') }
  ]
  const take = debianPackages({ release: pinned.release, cache })
  for (const one of pinned.packages) {
    const {
      version: taken,
      sha256: sum,
      file
    } = await take(one).catch((error: Error & { hint?: string }) => fail(error.message, error.hint ?? 'see what apt has: apt-get update'))
    if (taken !== one.version) others.push(`${one.name}: ${taken} instead of ${one.version}, sha256 ${sum}`)
    const files = await filesOf(file)
    for (const name of one.files) {
      const content = files.get(name) ?? fail(`the package ${one.name} has no file ${name}`, 'mend plugin/image.json')
      const base = path.posix.basename(name)
      const at = base === 'copyright' ? name : base.startsWith('ld-linux') ? `lib64/${base}` : `${LIBRARIES}/${base}`
      layer.push({ path: at, mode: base === 'copyright' ? 0o644 : 0o755, content })
    }
  }
  return layer
}

async function programLayer(): Promise<TarFile[]> {
  const chunks = (await readdir(path.join(dist, 'chunks'))).map(name => `chunks/${name}`)
  const legal = (await readdir(dist)).filter(name => name.endsWith('.LEGAL.txt'))
  const names = ['kubectl-intercept.js', 'package.json', ...chunks, ...legal].filter(name => !name.endsWith('.map'))
  const files = names.map(async name => ({ path: `${PROGRAM}/${name}`, mode: 0o644, content: await readFile(path.join(dist, name)) }))
  return [...(await Promise.all(files)), { path: `${PROGRAM}/LICENSE`, mode: 0o644, content: await readFile(path.join(root, 'LICENSE')) }]
}

const { values: options } = parseArgs({ options: { outdir: { type: 'string' } } })
const outdir = path.resolve(root, options.outdir ?? 'dist/image')
if (process.platform !== 'linux' || process.arch !== 'x64') fail('the image is made for linux/amd64, on such a machine', 'npm run image')
const pinned = JSON.parse(await readFile(path.join(root, 'plugin', 'image.json'), 'utf8')) as Pinned
const { version, license, homepage } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as Record<string, string>
await rm(outdir, { recursive: true, force: true })
await mkdir(path.join(outdir, 'blobs', 'sha256'), { recursive: true })

async function blob(mediaType: string, bytes: Buffer): Promise<Blob> {
  const sum = sha256(bytes)
  await writeFile(path.join(outdir, 'blobs', 'sha256', sum), bytes)
  return {
    mediaType: `application/vnd.oci.image.${mediaType}+json`.replace('+gzip+json', '+gzip'),
    digest: `sha256:${sum}`,
    size: bytes.length
  }
}

async function layer(files: readonly TarFile[]): Promise<{ blob: Blob; diffId: string }> {
  const plain = tar(files)
  const packed = gzipSync(plain, { level: 6 })
  packed[9] = 255 // as in tar.ts: no system
  return { blob: await blob('layer.v1.tar+gzip', packed), diffId: `sha256:${sha256(plain)}` }
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const layers = [await layer(await baseLayer(pinned)), await layer(await programLayer())]
const config = await blob(
  'config.v1',
  json({
    architecture: 'amd64',
    os: 'linux',
    config: {
      User: `${USER}:${USER}`,
      WorkingDir: '/',
      Env: ['PATH=/usr/bin', 'INTERCEPT_IMAGE=1'],
      Entrypoint: ['/usr/bin/node', `/${PROGRAM}/kubectl-intercept.js`, 'server'],
      Labels: {
        'org.opencontainers.image.title': 'kubectl-intercept',
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': license,
        'org.opencontainers.image.url': homepage
      }
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) }
  })
)
const manifest = await blob(
  'manifest.v1',
  json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers: layers.map(each => each.blob) })
)
await writeFile(
  path.join(outdir, 'index.json'),
  json({ schemaVersion: 2, manifests: [{ ...manifest, platform: { architecture: 'amd64', os: 'linux' } }] })
)
await writeFile(path.join(outdir, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
const size = layers.reduce((sum, each) => sum + each.blob.size, 0)
console.log(`${path.relative(root, outdir)}  ${manifest.digest}  ${(size / 1_048_576).toFixed(1)} MiB compressed`)
if (others.length > 0) {
  console.error(`warning: the mirrors no longer have packages that plugin/image.json pins, so the digest is not the one that others got:
  ${others.join('\n  ')}
hint:  the sums are those of the signed package index; pin these versions in plugin/image.json`)
}
