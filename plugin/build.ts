/**
 * Bundles src/kubectl-intercept.ts into dist/: one small entry, the rest in chunks that are loaded when a command needs them, which
 * keeps `--help` quick. `--if-changed` does nothing when dist/ was made from the same sources; `--outdir DIR` builds elsewhere.
 */
import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build, type BuildFailure, type Plugin } from 'esbuild'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const entry = 'src/kubectl-intercept.ts'
const program = 'kubectl-intercept.js'
/** Plain data that the bundler does not see must not hide a change: these count beside src/. */
const INPUTS = ['package.json', 'package-lock.json', 'plugin/build.ts']

const { values: options } = parseArgs({ options: { 'if-changed': { type: 'boolean' }, outdir: { type: 'string' } } })
const outdir = path.resolve(root, options.outdir ?? 'dist')

async function sourceHash(): Promise<string> {
  const hash = createHash('sha256')
  const sources = (await readdir(path.join(root, 'src'), { recursive: true })).filter(name => /\.(tsx?|json)$/.test(name)).sort()
  for (const file of [...INPUTS, ...sources.map(name => path.join('src', name))]) {
    hash.update(`${file}\0`).update(await readFile(path.join(root, file)))
  }
  return hash.digest('hex')
}

/** Ink imports its developer tools at load time; they are no part of the program. */
const withoutReactDevtools: Plugin = {
  name: 'without-react-devtools',
  setup(bundler) {
    bundler.onResolve({ filter: /^react-devtools-core$/ }, () => ({ path: 'react-devtools-core', namespace: 'stub' }))
    bundler.onLoad({ filter: /.*/, namespace: 'stub' }, () => ({ contents: 'export default { initialize() {}, connectToDevTools() {} }' }))
  }
}

/** Builds into a folder beside `outdir`, then swaps, so that a program started meanwhile finds all of its chunks. */
async function bundle(hash: string): Promise<void> {
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string }
  const fresh = `${outdir}.new-${process.pid}`
  await rm(fresh, { recursive: true, force: true })
  await build({
    absWorkingDir: root,
    entryPoints: { 'kubectl-intercept': entry },
    outdir: fresh,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    minify: true,
    sourcemap: 'linked',
    chunkNames: 'chunks/[name]-[hash]',
    legalComments: 'external',
    logLevel: 'warning',
    define: { 'process.env.NODE_ENV': '"production"', 'process.env.INTERCEPT_VERSION': JSON.stringify(version) },
    // CommonJS packages inside an ES module still call require() for Node's own modules.
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    // ws asks for this native package, and is three times as quick at masks with what has its shape here.
    alias: { bufferutil: './src/transport/mask.ts' },
    plugins: [withoutReactDevtools]
  })
  const main = path.join(fresh, program)
  // Without the dashes Node takes --env-file for its own, wherever it stands on the command line.
  await writeFile(main, `#!/usr/bin/env -S node --\n${await readFile(main, 'utf8')}`)
  await chmod(main, 0o755)
  await writeFile(path.join(fresh, 'package.json'), `${JSON.stringify({ type: 'module' })}\n`)
  await writeFile(path.join(fresh, '.sources'), `${hash}\n`)
  await mkdir(outdir, { recursive: true })
  const stale = `${outdir}.old-${process.pid}`
  await rename(outdir, stale)
  await rename(fresh, outdir)
  await rm(stale, { recursive: true, force: true })
}

const hash = await sourceHash()
const made = await readFile(path.join(outdir, '.sources'), 'utf8').catch(() => '')
if (!options['if-changed'] || made.trim() !== hash) {
  // esbuild has printed what it found by then.
  await bundle(hash).catch((error: Error | BuildFailure) => {
    if (!('errors' in error)) throw error
    process.exit(1)
  })
  console.error(`built ${path.relative(root, path.join(outdir, program)) || outdir}`)
}
