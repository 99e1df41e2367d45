/** docs/protocol.md claims nothing without a test: each title it names is one. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..')
const page = readFileSync(path.join(root, 'docs', 'protocol.md'), 'utf8')
const titles = [...page.matchAll(/✓ \*([^*]+)\*/g)].map(([, title = '']) => title)
const sources = ['unit', 'conformance', 'faults'].flatMap(folder =>
  readdirSync(path.join(root, 'test', folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => readFileSync(path.join(root, 'test', folder, name), 'utf8'))
)
const isTitle = (title: string): boolean => sources.some(source => ["'", '`'].some(quote => source.includes(`${quote}${title}${quote}`)))

describe('docs/protocol.md', () => {
  it('names only tests that exist', () => {
    expect(titles.length).toBeGreaterThan(50)
    expect(titles.filter(title => !isTitle(title))).toEqual([])
  })

  it('leaves no statement without a test', () => {
    const statements = page.split('\n').filter(line => /^(?:\*|\d\.) /.test(line))
    expect(statements.filter(line => !line.includes('✓ *'))).toEqual([])
  })
})
