/**
 * `npm run package`: from a built dist/, the archives that krew installs and dist/krew-manifest.yaml with their real sha256. Nothing is
 * published.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { archiveFindings, archiveName, completeManifest, type Manifest, manifestFindings, type Package, PLATFORMS } from './krew.ts'
import { type TarFile, tarGz } from './tar.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const dist = path.join(root, 'dist')

/** Source maps are for us; everything else of the bundle goes out. */
async function programFiles(): Promise<string[]> {
  const chunks = (await readdir(path.join(dist, 'chunks'))).map(name => path.posix.join('chunks', name))
  return ['kubectl-intercept.js', 'package.json', ...chunks].filter(name => !name.endsWith('.map'))
}

async function archiveEntries(): Promise<TarFile[]> {
  const legal = (await readdir(dist)).filter(name => name.endsWith('.LEGAL.txt'))
  const program = [...(await programFiles()), ...legal]
  const wanted = [
    { path: 'kubectl-intercept', from: 'plugin/kubectl-intercept', mode: 0o755 },
    { path: 'LICENSE', from: 'LICENSE', mode: 0o644 },
    { path: 'README.md', from: 'README.md', mode: 0o644 },
    ...program.map(name => ({ path: `dist/${name}`, from: `dist/${name}`, mode: name === 'kubectl-intercept.js' ? 0o755 : 0o644 }))
  ]
  return Promise.all(
    wanted.map(async ({ path: name, from, mode }) => ({ path: name, mode, content: await readFile(path.join(root, from)) }))
  )
}

function stopAt(findings: readonly string[], what: string): void {
  if (findings.length === 0) return
  for (const finding of findings) console.error(`error: ${what}: ${finding}`)
  process.exit(1)
}

const packageJson = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as Package
const template = parse(await readFile(path.join(root, 'krew-manifest.yaml'), 'utf8')) as Manifest

const entries = await archiveEntries()
stopAt(
  archiveFindings(
    entries.map(entry => ({ path: entry.path, type: 'file' })),
    'kubectl-intercept'
  ),
  'archive'
)
const archive = tarGz(entries)
const sha256 = createHash('sha256').update(archive).digest('hex')
for (const platform of PLATFORMS) await writeFile(path.join(dist, archiveName(platform)), archive)
const manifest = completeManifest(template, packageJson, () => sha256)
stopAt(manifestFindings(manifest), 'krew-manifest.yaml')
await writeFile(path.join(dist, 'krew-manifest.yaml'), stringify(manifest, { lineWidth: 0 }))
for (const platform of PLATFORMS) console.log(`dist/${archiveName(platform)}  ${archive.length} bytes  sha256 ${sha256}`)
console.log('dist/krew-manifest.yaml')
