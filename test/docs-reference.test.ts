/** Errors, events and flags in docs/ are those of the program. `UPDATE_DOCS=1 vitest run --project unit test/docs-reference.test.ts` writes the generated parts anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { EXIT_CODES } from '../src/base/errors.ts'
import { CONFIG_GRAMMAR, CONFIG_KEYS } from '../src/cli/config-grammar.ts'
import { parseConfig } from '../src/config/parse.ts'
import { configSchema } from '../src/config/schema.ts'
import { mustBe } from '../src/config/values.ts'
import { COMMAND_NAMES } from '../src/cli/command-names.ts'
import type { FlagSpec } from '../src/cli/flag-spec.ts'
import { FLAGS, spelled } from '../src/cli/flags.ts'
import { parseOperateConfig } from '../src/cli/operate-config.ts'
import { OPERATE_FLAGS, type OperateFlag } from '../src/cli/operate-flags.ts'
import { EVENT_TYPES, eventSchema } from '../src/event/schema.ts'
import { BUG_CODE } from '../src/output/error.ts'

const folder = path.join(import.meta.dirname, '..', 'docs')
const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8')
const update = process.env['UPDATE_DOCS'] === '1'

/** `### `name`` headings, in order. */
const sections = (text: string): string[] => [...text.matchAll(/^### `([^`]+)`$/gm)].map(([, name = '']) => name)

/** What stands between `<!-- name` and `<!-- /name -->`; written anew with UPDATE_DOCS. */
function generated(file: string, name: string, expected: string): string | undefined {
  const text = read(file)
  const block = new RegExp(`(<!-- ${name}:[^>]*-->\\n)([\\s\\S]*?)(<!-- /${name} -->)`)
  if (update)
    writeFileSync(
      path.join(folder, file),
      text.replace(block, (_all, start: string, _old, end: string) => `${start}${expected}${end}`)
    )
  return block.exec(read(file))?.[2]
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

function flagTable(flags: readonly FlagSpec[]): string {
  const rows = flags.map(flag => {
    const argument = flag.argument === undefined ? '' : flag.arity === 'optional' ? `[=${flag.argument}]` : ` ${flag.argument}`
    const commands = Array.isArray(flag.commands) ? flag.commands.join(', ') : 'all'
    return [`\`${spelled(flag)}${argument}\``, flag.summary, flag.default ?? '', commands].map(cell)
  })
  const table = [['flag', 'meaning', 'default', 'commands'], ['---', '---', '---', '---'], ...rows]
  return `${table.map(row => `| ${row.join(' | ')} |`).join('\n')}\n`
}

function kubectlTable(flags: readonly FlagSpec[]): string {
  const rows = flags.map(flag =>
    [
      `\`${spelled(flag)}${flag.argument === undefined ? '' : ` ${flag.argument}`}\``,
      flag.unused === true ? `accepted, without effect: ${flag.summary}` : flag.summary
    ].map(cell)
  )
  return `${[['flag', 'meaning'], ['---', '---'], ...rows].map(row => `| ${row.join(' | ')} |`).join('\n')}\n`
}

describe('docs/errors.md', () => {
  const text = read('errors.md')

  it('explains every code, and no other', () => {
    expect(sections(text).sort()).toEqual([...Object.keys(EXIT_CODES), BUG_CODE].sort())
  })

  it('says the exit code of each', () => {
    for (const [code, exit] of [...Object.entries(EXIT_CODES), [BUG_CODE, 70] as const]) {
      expect(text).toMatch(new RegExp(`### \`${code}\`\n\nExit ${exit}\\. `))
    }
  })
})

describe('docs/json-output.md', () => {
  const text = read('json-output.md')
  const validate = new Ajv2020({ formats: { 'date-time': true } }).compile(eventSchema())

  it('has a section for every type of event, and no other', () => {
    expect(sections(text)).toEqual([...EVENT_TYPES])
  })

  it('shows a valid line of each type', () => {
    const samples = [...text.matchAll(/^### `([^`]+)`\n\n.+\n\n```json\n(.+)\n```$/gm)]
    expect(samples.map(([, type]) => type)).toEqual([...EVENT_TYPES])
    for (const [, type, line = ''] of samples) {
      const event: unknown = JSON.parse(line)
      expect(event).toMatchObject({ type })
      expect([type, validate(event), validate.errors]).toEqual([type, true, null])
    }
  })
})

describe('docs/events.schema.json', () => {
  it('is the schema of the program', () => {
    const expected = `${JSON.stringify(eventSchema(), null, 2)}\n`
    if (update) writeFileSync(path.join(folder, 'events.schema.json'), expected)
    else expect(read('events.schema.json')).toBe(expected)
    expect(JSON.parse(expected)).toHaveProperty('$defs')
  })
})

describe('docs/config.schema.json', () => {
  it('is the schema of the flag table', () => {
    const expected = `${JSON.stringify(configSchema(CONFIG_KEYS), null, 2)}\n`
    if (update) writeFileSync(path.join(folder, 'config.schema.json'), expected)
    else expect(read('config.schema.json')).toBe(expected)
    expect(JSON.parse(expected)).toHaveProperty('properties.defaults.properties.weight.maximum', 255)
  })
})

describe('docs/config.md', () => {
  const text = read('config.md')

  it('lists the keys of the program', () => {
    const rows = CONFIG_KEYS.map(({ name, value, summary, default: preset }) =>
      [`\`${name}\``, mustBe(value), summary, preset ?? ''].map(cell)
    )
    const table = `${[['key', 'value', 'meaning', 'default'], ['---', '---', '---', '---'], ...rows].map(row => `| ${row.join(' | ')} |`).join('\n')}\n`
    expect(generated('config.md', 'keys', table)).toBe(table)
  })

  it('names every key that does not count', () => {
    for (const name of CONFIG_GRAMMAR.refused.keys()) expect(text).toContain(`\`${name}\``)
  })

  it('shows files that are valid', () => {
    const samples = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, sample = '']) => sample)
    expect(samples.length).toBeGreaterThan(0)
    for (const sample of samples) {
      const file = parseConfig(sample, 'config.md', CONFIG_GRAMMAR)
      expect([file.defaults, ...file.intercepts.values()].flatMap(({ ignored }) => ignored)).toEqual([])
    }
  })
})

describe('docs/server.md', () => {
  it('lists our own flags', () => {
    const rows = OPERATE_FLAGS.map((flag: OperateFlag) => [
      `\`--${flag.name}${flag.argument === undefined ? '' : ` ${flag.argument}`}\``,
      flag.summary,
      flag.default ?? '',
      flag.commands.join(', ')
    ])
    const table = [['flag', 'meaning', 'default', 'of'], ['---', '---', '---', '---'], ...rows]
    const text = `${table.map(row => `| ${row.map(cell).join(' | ')} |`).join('\n')}\n`
    expect(generated('server.md', 'flags', text)).toBe(text)
  })

  it('shows files that are valid', () => {
    const samples = [...read('server.md').matchAll(/```yaml\n# server\.yaml\n([\s\S]*?)```/g)].map(([, sample = '']) => sample)
    expect(samples.length).toBeGreaterThan(0)
    for (const sample of samples) expect(parseOperateConfig(sample, 'server.yaml', 'server').length).toBeGreaterThan(0)
  })
})

describe('docs/cli.md', () => {
  const flags: readonly FlagSpec[] = FLAGS

  it('lists the flags of the program', () => {
    const table = flagTable(flags.filter(flag => flag.commands !== 'global'))
    expect(generated('cli.md', 'flags', table)).toBe(table)
  })

  it("lists kubectl's flags", () => {
    const table = kubectlTable(flags.filter(flag => flag.commands === 'global'))
    expect(generated('cli.md', 'kubectl-flags', table)).toBe(table)
  })

  it('names every command', () => {
    const text = read('cli.md')
    for (const name of COMMAND_NAMES) expect(text).toMatch(new RegExp(`kubectl intercept (?:${name}|\\w+ \\| ${name}|TARGET)`))
  })
})
