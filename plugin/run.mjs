#!/usr/bin/env node
/**
 * Behind `npm run demo`, `npm test` and the like: makes a bare clone ready (`npm ci`, the pinned Node, a fresh `dist/`), then runs the
 * task with that Node, its exit status being ours. Has no dependencies and runs on any Node since 18; a second run needs no network.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const bin = path.join(root, 'node_modules', '.bin')
const windows = process.platform === 'win32'
const pinnedNode = path.join(root, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node')
const manifest = readJson('package.json')

/** What runs after the preparation: a script with its arguments, and whether it needs `dist/`. */
const TASKS = {
  demo: { script: ['dist/kubectl-intercept.js', 'demo'], dist: true },
  test: { script: ['plugin/check.ts'] },
  'test:tui': { script: ['plugin/ring.ts', 'tui'], dist: true },
  'test:peers': { script: ['plugin/ring.ts', 'peers'] },
  'test:e2e': { script: ['plugin/ring.ts', 'e2e'], dist: true },
  build: { script: ['plugin/build.ts'] },
  package: { script: ['plugin/package.ts'], dist: true },
  image: { script: ['plugin/image.ts'], dist: true },
  bench: { script: ['test/bench/run.ts'], dist: true },
  faults: { script: ['test/faults/matrix.ts'] }
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(path.join(root, file), 'utf8'))
  } catch {
    return undefined
  }
}

function fail(sentence, hint) {
  console.error(`error: ${sentence}`)
  if (hint) console.error(`hint: ${hint}`)
  process.exit(1)
}

/** True when what package-lock.json asks for is what is installed (packages for other platforms are left out by npm). */
function installed() {
  const wanted = readJson('package-lock.json')
  const have = readJson('node_modules/.package-lock.json')
  if (!wanted || !have) return false
  return Object.entries(wanted.packages).every(([name, entry]) => {
    if (name === '') return true
    const found = have.packages[name]
    return found ? found.version === entry.version : Boolean(entry.optional || entry.devOptional || entry.peer)
  })
}

/** `npm ci`, with its output kept back unless it fails. */
function install(...flags) {
  const npm = process.env.npm_execpath
  const command = npm && /\.c?js$/.test(npm) ? [process.execPath, npm] : [windows ? 'npm.cmd' : 'npm']
  const argv = [...command.slice(1), 'ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...flags]
  return spawnSync(command[0], argv, {
    cwd: root,
    encoding: 'utf8',
    shell: windows && command.length === 1,
    stdio: ['ignore', 'pipe', 'pipe']
  })
}

const ownNodeIsEnough = () => atLeast(process.version, manifest.engines.node.replace(/^[^\d]*/, ''))

function atLeast(version, floor) {
  const [a, b] = [version, floor].map(text => text.replace(/^v/, '').split('.').map(Number))
  const at = a.findIndex((part, index) => part !== b[index])
  return at === -1 || a[at] > b[at]
}

function ensureInstalled() {
  if (installed() && (existsSync(pinnedNode) || ownNodeIsEnough())) return
  console.error('installing the dependencies (once; about half a minute) ...')
  let result = install()
  // The pinned Node is not published for every platform; a new enough Node of the machine does as well.
  if (result.status !== 0 && ownNodeIsEnough()) result = install('--ignore-scripts')
  if (result.status === 0) return
  console.error(`${result.stdout ?? ''}${result.stderr ?? ''}`.trim())
  fail(
    `npm ci failed${result.error ? `: ${result.error.message}` : ''}`,
    'look at the lines above; it needs npm and the npm registry the first time'
  )
}

/** The Node to run with: the pinned one, else this one when it is new enough. */
function chooseNode() {
  const major = manifest.devDependencies.node.split('.')[0]
  const answer = existsSync(pinnedNode) ? spawnSync(pinnedNode, ['-v'], { encoding: 'utf8' }).stdout : ''
  if (answer && answer.startsWith(`v${major}.`)) return pinnedNode
  if (ownNodeIsEnough()) {
    console.error(`using Node ${process.version}: the pinned Node ${manifest.devDependencies.node} does not run here`)
    return process.execPath
  }
  return fail(
    `the pinned Node ${manifest.devDependencies.node} does not run here, and this Node is ${process.version}`,
    `install Node ${manifest.engines.node.replace(/^[^\d]*/, '')} or newer and run the command again`
  )
}

/** Runs `node script…` as this process would: same terminal, same signals, same status. */
function run(node, argv, done) {
  const environment = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}` }
  const child = spawn(node, argv, { cwd: root, env: environment, stdio: 'inherit' })
  child.on('error', error => fail(`cannot start ${node}: ${error.message}`))
  // A terminal sends Ctrl-C to the child too, so that waiting is all there is to do; a signal sent to us alone is passed on.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (status, signal) => done(signal ? 128 + (os.constants.signals[signal] ?? 0) : status))
}

const [name = '', ...rest] = process.argv.slice(2)
const task = TASKS[name]
if (!atLeast(process.version, '18.0.0'))
  fail(`Node 18 or newer is needed to start, this is ${process.version}`, 'install Node 24 from your package manager')
if (!task) fail(`no task called "${name}"`, `npm run ${Object.keys(TASKS).join(' | ')}`)
ensureInstalled()
const node = chooseNode()
const start = () => run(node, [...task.script, ...rest], status => process.exit(status))
if (task.dist) run(node, ['plugin/build.ts', '--if-changed'], status => (status === 0 ? start() : process.exit(status)))
else start()
