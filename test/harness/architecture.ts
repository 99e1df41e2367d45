/**
 * The rules of ARCHITECTURE.md, checked on a source tree: who may import whom, who owns which package, who may touch time and the
 * process. Reads the code with esbuild's parser (so `import()` counts and strings and comments do not), not with patterns.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { build, type Loader, transform } from 'esbuild'

export interface Rules {
  /** Folder → rank. */
  readonly ranks: ReadonlyMap<string, number>
  /** Package or Node module → the folders that may import it. */
  readonly owners: ReadonlyMap<string, readonly string[]>
}

export interface Import {
  /** Path below the source root, with slashes. */
  readonly file: string
  readonly specifier: string
  readonly typeOnly: boolean
}

/** Packages whose types may be named anywhere: they are the words for the cluster's objects. */
const TYPES_FOR_ALL = new Set(['@kubernetes/client-node'])
const MAX_LINES = 400
const TSCONFIG = { compilerOptions: { verbatimModuleSyntax: true, jsx: 'react-jsx' as const } }

/** The rows of the first table after a heading or sentence, without head and rule. */
function tableAfter(markdown: string, head: RegExp): string[][] {
  const lines = markdown.split('\n')
  const start = lines.findIndex(line => head.test(line))
  if (start === -1) throw new Error(`ARCHITECTURE.md has no table ${head}`)
  const rest = lines.slice(start + 2)
  const end = rest.findIndex(line => !line.startsWith('|'))
  return rest.slice(0, end === -1 ? undefined : end).map(line =>
    line
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim())
  )
}

const words = (cell = ''): string[] => cell.replaceAll('`', '').split(/\s+/).filter(Boolean)

/** The two tables of ARCHITECTURE.md: `| rank | folders |` and `| package | owner |`. */
export function parseRules(markdown: string): Rules {
  const ranks = tableAfter(markdown, /^\| *rank *\| *folders *\|/).flatMap(([rank, folders]) =>
    words(folders).map(folder => [folder, Number(rank)] as const)
  )
  const owners = tableAfter(markdown, /^\| *package *\| *owner *\|/).flatMap(([packages, folders]) =>
    words(packages).map(name => [name, words(folders)] as const)
  )
  return { ranks: new Map(ranks), owners: new Map(owners) }
}

/** The TypeScript files below `root`, as sorted paths with slashes. */
export const sourceFiles = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.tsx?$/.test(name) && !name.endsWith('.d.ts'))
    .map(name => name.split(path.sep).join('/'))
    .toSorted()

const loaderOf = (file: string): Loader => (file.endsWith('.tsx') ? 'tsx' : 'ts')

/** `import type` and `export type … from` as plain ones, so that the parser reports them too. */
const withTypesAsValues = (code: string): string => code.replace(/\b(import|export)(\s+)type(?=\s*[{*]|\s+\w+\s+from\b)/g, '$1$2')

/** Every module specifier that esbuild sees in these files. */
async function specifiers(root: string, files: readonly string[], prepare: (code: string) => string): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>(files.map(file => [file, new Set()]))
  await build({
    entryPoints: files.map(file => path.join(root, file)),
    outdir: path.join(root, 'unused'),
    bundle: true,
    write: false,
    format: 'esm',
    logLevel: 'silent',
    tsconfigRaw: TSCONFIG,
    plugins: [
      {
        name: 'collect-imports',
        setup(bundler) {
          bundler.onResolve({ filter: /.*/ }, ({ path: specifier, importer, kind }) => {
            if (kind === 'entry-point') return undefined
            found.get(path.relative(root, importer).split(path.sep).join('/'))?.add(specifier)
            return { path: specifier, external: true }
          })
          bundler.onLoad({ filter: /\.tsx?$/ }, ({ path: file }) => ({
            contents: prepare(readFileSync(file, 'utf8')),
            loader: loaderOf(file)
          }))
        }
      }
    ]
  })
  return found
}

/** All imports of the tree, static, dynamic, re-exports and types. */
export async function importsOf(root: string): Promise<Import[]> {
  const files = sourceFiles(root)
  const values = await specifiers(root, files, code => code)
  const all = await specifiers(root, files, withTypesAsValues)
  return [...all].flatMap(([file, set]) =>
    [...set].map(specifier => ({ file, specifier, typeOnly: values.get(file)?.has(specifier) !== true }))
  )
}

/** The folder below the root that holds a file; empty for files of the root itself, the entries. */
const folderOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : '')

/** `ws/lib/x` → `ws`, `@a/b/c` → `@a/b`, `net` and `node:net/x` → `node:net`. */
function packageOf(specifier: string): string {
  const bare = specifier.replace(/^node:/, '')
  const [first = '', second = ''] = bare.split('/')
  if (specifier.startsWith('node:') || builtinModules.includes(bare)) return `node:${first}`
  return first.startsWith('@') ? `${first}/${second}` : first
}

function folderFinding({ ranks }: Rules, { file, specifier }: Import): string | undefined {
  const target = path.posix.join(path.posix.dirname(file), specifier)
  if (target.startsWith('..'))
    return target === '../package.json' ? undefined : `${file}: imports ${specifier}, which is outside of the sources`
  const from = folderOf(file)
  const to = folderOf(target)
  if (from === to || from === '') return undefined
  const rank = ranks.get(from) ?? -1
  if (to === '') return `${file}: imports the entry ${specifier}`
  const other = ranks.get(to)
  return other !== undefined && other < rank ? undefined : `${file}: imports ${to}/ (rank ${other}) from rank ${rank}`
}

function packageFinding({ owners }: Rules, { file, specifier, typeOnly }: Import): string | undefined {
  const name = packageOf(specifier)
  const allowed = owners.get(name)
  if (allowed === undefined) return name.startsWith('node:') ? undefined : `${file}: ${name} has no owner in ARCHITECTURE.md`
  if (allowed.includes(folderOf(file)) || (typeOnly && TYPES_FOR_ALL.has(name))) return undefined
  return `${file}: only ${allowed.map(folder => `${folder}/`).join(', ')} may import ${name}`
}

/** Imports that go up or sideways, and packages imported by others than their owners. */
export const importFindings = (rules: Rules, imports: readonly Import[]): string[] =>
  imports
    .map(entry => (entry.specifier.startsWith('.') ? folderFinding(rules, entry) : packageFinding(rules, entry)))
    .filter(finding => finding !== undefined)

/** Folders without a rank, and ranks without a folder. */
export function rankFindings({ ranks }: Rules, files: readonly string[]): string[] {
  const folders = new Set(files.map(folderOf).filter(Boolean))
  const unranked = [...folders].filter(folder => !ranks.has(folder)).map(folder => `${folder}/ has no rank in ARCHITECTURE.md`)
  const empty = [...ranks.keys()]
    .filter(folder => !folders.has(folder))
    .map(folder => `ARCHITECTURE.md ranks ${folder}/, which does not exist`)
  return [...unranked, ...empty]
}

/** What only some files may use: globals (as esbuild's `define` keys) and module names. */
interface Restriction {
  readonly what: string
  readonly globals: readonly string[]
  readonly modules: readonly string[]
  readonly allowed: (file: string) => boolean
}

const inCli = (file: string): boolean => file.startsWith('cli/') || folderOf(file) === ''
const TIMERS = ['setTimeout', 'setInterval', 'Date.now', 'performance.now', 'process.hrtime', 'process.uptime']
const RESTRICTIONS: readonly Restriction[] = [
  {
    what: 'reads the time or starts a timer (base/clock.ts does)',
    globals: TIMERS.flatMap(name => [name, `globalThis.${name}`]),
    modules: ['node:timers/promises', 'node:perf_hooks'],
    allowed: file => file === 'base/clock.ts'
  },
  {
    what: 'ends the process (cli/exit.ts does)',
    globals: ['process.exit', 'process.abort', 'process.reallyExit'],
    modules: [],
    allowed: file => file === 'cli/exit.ts'
  },
  {
    what: 'uses the process or the console (cli/ does)',
    globals: ['process', 'console', 'globalThis.process', 'globalThis.console'],
    modules: ['node:process', 'node:console'],
    allowed: inCli
  }
]
/** Scheduling, not time: allowed everywhere. */
const FREE = ['process.nextTick']
const markOf = (name: string): string => `restricted$${name.replaceAll('.', '$')}`
const DEFINES = Object.fromEntries([
  ...RESTRICTIONS.flatMap(({ globals }) => globals).map(name => [name, markOf(name)] as const),
  ...FREE.map(name => [name, 'free$'] as const)
])

/** The code with comments gone and every restricted global replaced by its mark. */
const marked = async (root: string, file: string): Promise<string> => {
  const code = readFileSync(path.join(root, file), 'utf8')
  const result = await transform(code, {
    loader: loaderOf(file),
    tsconfigRaw: TSCONFIG,
    define: DEFINES,
    legalComments: 'none',
    logLevel: 'silent'
  })
  return result.code
}

const uses = (code: string, mark: string): boolean => new RegExp(`(?<![\\w$])${mark.replaceAll('$', '\\$')}(?![\\w$])`).test(code)

/** Files that touch time, the process or the console where they may not. */
export async function globalFindings(root: string, imports: readonly Import[]): Promise<string[]> {
  const perFile = await Promise.all(
    sourceFiles(root).map(async file => {
      const code = await marked(root, file)
      const modules = imports.filter(entry => entry.file === file && !entry.typeOnly).map(entry => entry.specifier)
      const found = RESTRICTIONS.filter(({ allowed }) => !allowed(file)).flatMap(({ what, globals, modules: restricted }) =>
        [...globals.filter(name => uses(code, markOf(name))), ...restricted.filter(name => modules.includes(name))].map(
          name => `${file}: ${name} ${what}`
        )
      )
      if (/\bnew Date\(\)/.test(code) && file !== 'base/clock.ts') found.push(`${file}: new Date() reads the time (base/clock.ts does)`)
      // Only the queueing half of node:timers is free of time.
      const timers = /import \{([^}]*)\} from "node:timers"/.exec(code)?.[1] ?? 'setImmediate'
      const named = timers.split(',').map(part => part.trim().split(' ')[0] ?? '')
      return [
        ...found,
        ...named.filter(name => !name.endsWith('Immediate') && file !== 'base/clock.ts').map(name => `${file}: ${name} of node:timers`)
      ]
    })
  )
  return perFile.flat()
}

export interface Size {
  readonly file: string
  readonly lines: number
}

/** Files longer than `lines`, longest first. */
export const longerThan = (root: string, lines: number): Size[] =>
  sourceFiles(root)
    .map(file => ({ file, lines: readFileSync(path.join(root, file), 'utf8').split('\n').length - 1 }))
    .filter(size => size.lines > lines)
    .toSorted((a, b) => b.lines - a.lines)

/** Everything that breaks the rules in this tree, as sentences. */
export async function architectureFindings(root: string, rules: Rules): Promise<string[]> {
  const imports = await importsOf(root)
  return [
    ...rankFindings(rules, sourceFiles(root)),
    ...importFindings(rules, imports),
    ...(await globalFindings(root, imports)),
    ...longerThan(root, MAX_LINES).map(({ file, lines }) => `${file}: ${lines} lines, ${MAX_LINES} is the top`)
  ]
}
