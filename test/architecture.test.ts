/** The source tree keeps the rules of ARCHITECTURE.md, and the checks see it when a tree does not. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { architectureFindings, longerThan, parseRules } from './harness/architecture.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const markdown = readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8')

describe('src', () => {
  it('keeps the rules of ARCHITECTURE.md', async () => {
    expect(await architectureFindings(path.join(root, 'src'), parseRules(markdown))).toEqual([])
  })

  it('has few long files', () => {
    const long = longerThan(path.join(root, 'src'), 250)
    for (const { file, lines } of long) console.info(`long: src/${file} ${lines} lines`)
    expect(long.length).toBeLessThanOrEqual(12)
  })
})

describe('ARCHITECTURE.md', () => {
  it('gives every folder one rank and every owner a folder that may exist', () => {
    const { ranks, owners } = parseRules(markdown)
    expect(ranks.get('base')).toBe(0)
    expect(ranks.get('cli')).toBe(Math.max(...ranks.values()))
    expect(owners.get('ws')).toEqual(['transport', 'kube'])
    expect([...ranks.values()].every(rank => Number.isInteger(rank))).toBe(true)
  })
})

describe('a tree that breaks a rule', () => {
  const rules = parseRules(`
| rank | folders |
| --: | --- |
| 2 | cli |
| 1 | left right |
| 0 | base |

| package | owner |
| --- | --- |
| \`ws\` | left |
| \`node:net\` | left |
| \`@kubernetes/client-node\` | left |
`)
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })

  /** A tree in which every ranked folder has an innocent file, plus these. */
  async function findingsOf(files: Readonly<Record<string, string>>): Promise<string[]> {
    const tree = mkdtempSync(path.join(os.tmpdir(), 'architecture-'))
    folders.push(tree)
    const innocent = Object.fromEntries(['cli', 'left', 'right', 'base'].map(folder => [`${folder}/fine.ts`, 'export const fine = 1\n']))
    for (const [file, code] of Object.entries({ ...innocent, ...files })) {
      mkdirSync(path.join(tree, path.dirname(file)), { recursive: true })
      writeFileSync(path.join(tree, file), code)
    }
    return architectureFindings(tree, rules)
  }

  it.each([
    [
      'an import upwards',
      { 'base/x.ts': "import { fine } from '../left/fine.ts'\nexport const y = fine\n" },
      'base/x.ts: imports left/ (rank 1) from rank 0'
    ],
    ['an import sideways', { 'left/x.ts': "export { fine } from '../right/fine.ts'\n" }, 'left/x.ts: imports right/ (rank 1) from rank 1'],
    [
      'an import() upwards',
      { 'base/x.ts': "export const load = () => import('../cli/fine.ts')\n" },
      'base/x.ts: imports cli/ (rank 2) from rank 0'
    ],
    [
      'a type import upwards',
      { 'base/x.ts': "import type { Fine } from '../cli/fine.ts'\nexport type Y = Fine\n" },
      'base/x.ts: imports cli/ (rank 2) from rank 0'
    ],
    [
      'an inline type import upwards',
      { 'base/x.ts': "import { type Fine } from '../cli/fine.ts'\nexport type Y = Fine\n" },
      'base/x.ts: imports cli/ (rank 2) from rank 0'
    ],
    [
      'a type re-export upwards',
      { 'base/x.ts': "export type { Fine } from '../cli/fine.ts'\n" },
      'base/x.ts: imports cli/ (rank 2) from rank 0'
    ],
    [
      'two imports in one line',
      { 'base/x.ts': "export const a = 1; import '../left/fine.ts'\n" },
      'base/x.ts: imports left/ (rank 1) from rank 0'
    ],
    ['an import of an entry', { 'main.ts': 'export {}\n', 'cli/x.ts': "import '../main.ts'\n" }, 'cli/x.ts: imports the entry ../main.ts'],
    [
      'an import from outside',
      { 'cli/x.ts': "import '../../test/x.ts'\n" },
      'cli/x.ts: imports ../../test/x.ts, which is outside of the sources'
    ],
    [
      'a package of another owner',
      { 'right/x.ts': "import WebSocket from 'ws'\nexport const y = WebSocket\n" },
      'right/x.ts: only left/ may import ws'
    ],
    ['a part of such a package', { 'right/x.ts': "import 'ws/lib/sender.js'\n" }, 'right/x.ts: only left/ may import ws'],
    [
      'a type of another owner',
      { 'right/x.ts': "import type net from 'node:net'\nexport type Y = net.Socket\n" },
      'right/x.ts: only left/ may import node:net'
    ],
    [
      'a Node module without its prefix',
      { 'right/x.ts': "import net from 'net'\nexport const y = net\n" },
      'right/x.ts: only left/ may import node:net'
    ],
    [
      'a value of client-node',
      { 'right/x.ts': "import { KubeConfig } from '@kubernetes/client-node'\nexport const y = KubeConfig\n" },
      'right/x.ts: only left/ may import @kubernetes/client-node'
    ],
    ['a package without owner', { 'cli/x.ts': "import 'left-pad'\n" }, 'cli/x.ts: left-pad has no owner in ARCHITECTURE.md'],
    ['a folder without rank', { 'utils/x.ts': 'export {}\n' }, 'utils/ has no rank in ARCHITECTURE.md'],
    [
      'Date.now',
      { 'left/x.ts': 'export const y = Date.now()\n' },
      'left/x.ts: Date.now reads the time or starts a timer (base/clock.ts does)'
    ],
    ['new Date', { 'left/x.ts': 'export const y = new Date()\n' }, 'left/x.ts: new Date() reads the time (base/clock.ts does)'],
    [
      'setTimeout by reference',
      { 'left/x.ts': 'export const y = setTimeout\n' },
      'left/x.ts: setTimeout reads the time or starts a timer (base/clock.ts does)'
    ],
    [
      'globalThis.setInterval',
      { 'left/x.ts': 'globalThis.setInterval(() => {}, 1)\n' },
      'left/x.ts: globalThis.setInterval reads the time or starts a timer (base/clock.ts does)'
    ],
    [
      'a timer from node:timers',
      { 'left/x.ts': "import { setTimeout as later } from 'node:timers'\nlater(() => {}, 1)\n" },
      'left/x.ts: setTimeout of node:timers'
    ],
    [
      'node:timers/promises',
      { 'left/x.ts': "import { setTimeout } from 'node:timers/promises'\nexport const y = setTimeout\n" },
      'left/x.ts: node:timers/promises reads the time or starts a timer (base/clock.ts does)'
    ],
    [
      'the environment',
      { 'left/x.ts': 'export const y = process.env\n' },
      'left/x.ts: process uses the process or the console (cli/ does)'
    ],
    ['the console', { 'left/x.ts': "console.log('x')\n" }, 'left/x.ts: console uses the process or the console (cli/ does)'],
    ['process.exit in cli', { 'cli/x.ts': 'process.exit(1)\n' }, 'cli/x.ts: process.exit ends the process (cli/exit.ts does)'],
    ['a file of 401 lines', { 'left/x.ts': 'export {}\n'.repeat(401) }, 'left/x.ts: 401 lines, 400 is the top']
  ])('is caught: %s', async (_what, files, finding) => {
    expect(await findingsOf(files)).toEqual([finding])
  })

  it('is caught: a rank without a folder', async () => {
    const { ranks, owners } = rules
    const tree = mkdtempSync(path.join(os.tmpdir(), 'architecture-'))
    folders.push(tree)
    expect(await architectureFindings(tree, { ranks, owners })).toContain('ARCHITECTURE.md ranks left/, which does not exist')
  })

  it.each([
    [
      'imports downwards',
      { 'cli/x.ts': "import { fine } from '../base/fine.ts'\nexport const y = () => import('../left/fine.ts').then(() => fine)\n" }
    ],
    ['a package of its own', { 'left/x.ts': "import WebSocket from 'ws'\nexport const y = WebSocket\n" }],
    ['types of client-node', { 'right/x.ts': "import type { V1Pod } from '@kubernetes/client-node'\nexport type Y = V1Pod\n" }],
    [
      'words in comments and strings',
      {
        'left/x.ts':
          "// Date.now(), console.log, import '../cli/fine.ts'\nexport const y = \"setTimeout process.exit(1) import('../cli/fine.ts')\"\n"
      }
    ],
    ['names of its own', { 'left/x.ts': 'export const y = (console: string, process: { env: string }) => console + process.env\n' }],
    ['scheduling', { 'left/x.ts': "import { setImmediate } from 'node:timers'\nprocess.nextTick(() => {})\nsetImmediate(() => {})\n" }],
    ['the clock', { 'base/clock.ts': 'export const y = [Date.now(), setTimeout, new Date()]\n' }],
    ['the exit', { 'cli/exit.ts': 'process.exit(1)\n' }],
    ['an entry', { 'main.ts': "import './cli/fine.ts'\nprocess.exitCode = 1\n" }]
  ])('is not claimed of %s', async (_what, files) => {
    expect(await findingsOf(files)).toEqual([])
  })
})
