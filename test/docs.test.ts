/** The documentation says what the program does: generated parts are fresh, links lead somewhere, commands exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { flagTable, withFlagTable, withKeyTable } from '../plugin/docs.ts'
import { KEYS } from '../src/tui/keys.ts'
import { COMMAND_NAMES } from '../src/cli/command-names.ts'
import { FLAGS, flagNamed } from '../src/cli/flags.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const pages = [
  ...readdirSync(root).filter(name => name.endsWith('.md')),
  ...readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => path.join('docs', name))
]
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
/** Command lines in the README's code blocks, without prompt and comment. */
const commandLines = read('README.md')
  .split('\n')
  .filter(line => line.startsWith('$ '))
  .map(line => line.slice(2).replace(/\s+#.*$/, ''))

describe('README.md', () => {
  it('has the flags of the flag table (node plugin/docs.ts writes them)', () => {
    expect(withFlagTable(read('README.md'))).toBe(read('README.md'))
    expect(flagTable().split('\n')).toHaveLength(2 + FLAGS.filter(flag => flag.commands !== 'global').length)
  })

  it('is told by docs/tui.md which keys there are (node plugin/docs.ts writes them)', () => {
    const page = read(path.join('docs', 'tui.md'))
    expect(withKeyTable(page)).toBe(page)
    expect(page.match(/^\| `/gm)).toHaveLength(KEYS.length)
  })

  it('shows only npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = commandLines.flatMap(line => /^npm (?:run )?(\S+)/.exec(line)?.[1] ?? [])
    expect(named.length).toBeGreaterThan(2)
    expect(named.filter(name => !(name in scripts))).toEqual([])
  })

  it('shows only flags that exist', () => {
    const lines = commandLines.filter(line => line.includes('kubectl intercept'))
    const flags = lines.flatMap(line => [...line.matchAll(/\s--([a-z-]+)/g)].map(match => match[1] ?? ''))
    expect(lines.length).toBeGreaterThan(5)
    expect(flags.filter(name => flagNamed(name) === undefined)).toEqual([])
  })

  it('shows only commands that exist', () => {
    const words = commandLines.flatMap(line => /^kubectl intercept ([a-z]+)(?: |$)/.exec(line)?.[1] ?? [])
    const targets = ['web']
    expect(words.filter(word => !targets.includes(word) && !(COMMAND_NAMES as readonly string[]).includes(word))).toEqual([])
  })
})

describe('links', () => {
  it.each(pages)('of %s lead to files that exist', page => {
    const links = [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(match => match[1] ?? '')
      .filter(link => !/^[a-z]+:/.test(link))
    const broken = links.filter(link => !existsSync(path.join(root, path.dirname(page), link)))
    expect(broken).toEqual([])
  })
})
