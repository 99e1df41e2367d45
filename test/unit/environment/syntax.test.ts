/** What was written is read back by the real shells of this machine, by Node's own dotenv reader, and, for cmd.exe and PowerShell, by their rules. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseEnv } from 'node:util'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { encodeEnvironment, type SyntaxName } from '../../../src/environment/syntax.ts'
import { record } from './objects.ts'
import { readCmd, readCompose, readDocker, readPowerShell } from './syntax-readers.ts'

interface Named {
  name: string
  value: string
}

const AWKWARD = [
  'plain',
  '',
  ' leading and trailing ',
  '-n',
  '--flag=x',
  'a=b=c',
  "it's",
  "''",
  '"double"',
  '`tick`',
  '$HOME ${HOME} $(id) %PATH% %%',
  'back\\slash',
  'ends with \\',
  '\\n is not a newline',
  "\\'",
  '\\"',
  'a!b!!c ^ & | < > ( )',
  '# no comment',
  'x # y',
  '*?[a]~',
  'emoji 🎉 é \u2019 \u2018',
  '\ttab',
  '\u0001\u007f',
  '{"json": ["a", 1]}',
  'x'.repeat(5_000)
]
const LINES = ['two\nlines', '\nstarts and ends\n', "'\n'", 'a\\\nb', '!\n!']
const CARRIAGE = ['a\r\nb', 'ends\r']

const named = (values: readonly string[]): Named[] => values.map((value, index) => ({ name: `V_${index}`, value }))

const folder = mkdtempSync(path.join(tmpdir(), 'environment-syntax-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
function file(text: string): string {
  files += 1
  const name = path.join(folder, `file-${files}`)
  writeFileSync(name, text)
  return name
}

/** What a program sees that a shell starts after it has read the file. */
const PRINT = `process.stdout.write(JSON.stringify(process.env))`
function seen(shell: string, args: readonly string[]): Record<string, string> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder }
  return JSON.parse(execFileSync(shell, args, { env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })) as Record<string, string>
}

const has = (program: string): boolean => spawnSync(program, ['-c', 'exit 0']).status === 0

const SOURCED: readonly [shell: string, syntax: SyntaxName, command: (file: string) => string[]][] = [
  ['dash', 'sh', name => ['-c', `. ${name}; exec "${process.execPath}" -e '${PRINT}'`]],
  ['bash', 'sh', name => ['-c', `source ${name}; exec "${process.execPath}" -e '${PRINT}'`]],
  ['tcsh', 'csh', name => ['-f', '-c', `source ${name}; exec "${process.execPath}" -e '${PRINT}'`]]
]

describe.each(SOURCED)('%s', (shell, syntax, command) => {
  const missing = !has(shell)
  it.skipIf(missing)(`reads back what ${syntax} writes${missing ? ` (${shell} is not installed here)` : ''}`, () => {
    const variables = named([...AWKWARD, ...LINES, ...CARRIAGE])
    const back = seen(shell, command(file(encodeEnvironment(variables, syntax).text)))
    for (const { name, value } of variables) expect([name, back[name]]).toEqual([name, value])
  })
})

describe('sh', () => {
  it('carries any text without NUL', () => {
    const texts = fc.array(fc.string({ unit: 'binary', maxLength: 60 }), { minLength: 40, maxLength: 40 })
    const wellFormed = texts.map(list => list.map(text => text.toWellFormed().replaceAll('\0', '')))
    fc.assert(
      fc.property(wellFormed, list => {
        const variables = named(list)
        const back = seen('dash', ['-c', `. ${file(encodeEnvironment(variables, 'sh').text)}; exec "${process.execPath}" -e '${PRINT}'`])
        for (const { name, value } of variables) expect(back[name]).toBe(value)
      }),
      { numRuns: 5 }
    )
  })

  it('may be evaluated as one argument', () => {
    const variables = named([...AWKWARD, ...LINES])
    const back = seen('bash', [
      '-c',
      `eval "$1"; exec "${process.execPath}" -e '${PRINT}'`,
      'bash',
      encodeEnvironment(variables, 'sh').text
    ])
    for (const { name, value } of variables) expect(back[name]).toBe(value)
  })
})

describe('dotenv', () => {
  it('is read back by node --env-file and by util.parseEnv', () => {
    const variables = named([...AWKWARD, ...LINES])
    const { text } = encodeEnvironment(variables, 'dotenv')
    const back = seen(process.execPath, [`--env-file=${file(text)}`, '-e', PRINT])
    for (const { name, value } of variables) expect([name, back[name]]).toEqual([name, value])
    expect(parseEnv(text)).toEqual(record(variables))
  })

  it('carries whatever it does not refuse', () => {
    const value = fc.string({ unit: fc.constantFrom('a', "'", '"', '`', '\\', 'n', '$', '#', '=', ' ', '\n', 'é'), maxLength: 12 })
    fc.assert(
      fc.property(value, text => {
        let encoded: string
        try {
          encoded = encodeEnvironment([{ name: 'A', value: text }], 'dotenv').text
        } catch {
          return // refused by name
        }
        expect(parseEnv(`${encoded}B=after\n`)).toEqual({ A: text, B: 'after' })
      })
    )
  })
})

describe.each<[SyntaxName, (text: string) => Record<string, string>, string[]]>([
  ['docker', readDocker, AWKWARD],
  ['compose', readCompose, [...AWKWARD, ...LINES, ...CARRIAGE]],
  ['cmd', readCmd, AWKWARD.filter(value => value !== '')],
  ['ps', readPowerShell, [...AWKWARD, ...LINES, ...CARRIAGE]],
  ['json', text => JSON.parse(text) as Record<string, string>, [...AWKWARD, ...LINES, ...CARRIAGE, 'nul \0']]
])('%s', (syntax, read, values) => {
  it('is read back by its own rules', () => {
    const variables = named(values)
    expect(read(encodeEnvironment(variables, syntax).text)).toEqual(record(variables))
  })
})

describe('what a syntax cannot carry', () => {
  it.each<[SyntaxName, string, RegExp]>([
    ['docker', 'a\nb', /variable BAD cannot be written as docker: its value has several lines/],
    ['docker', 'x'.repeat(65_536), /longer than the 64 KiB/],
    ['cmd', 'a\nb', /several lines/],
    ['cmd', 'x'.repeat(9_000), /8,191/],
    ['dotenv', '\'"`', /three kinds of quotes/],
    ['dotenv', 'a\rb', /carriage return/],
    ['sh', 'a\0b', /NUL/],
    ['dotenv', '\0', /NUL/]
  ])('%s refuses %j by the name of the variable', (syntax, value, message) => {
    expect(() =>
      encodeEnvironment(
        [
          { name: 'GOOD', value: 'x' },
          { name: 'BAD', value }
        ],
        syntax
      )
    ).toThrow(message)
  })

  it('leaves out names that cannot be written, and tells them', () => {
    const variables = ['ok', 'a.b', '1st', 'c-d'].map(name => ({ name, value: 'x' }))
    expect(encodeEnvironment(variables, 'sh')).toEqual({ text: "export ok='x'\n", unnamed: ['a.b', '1st', 'c-d'], left: [] })
    expect(encodeEnvironment(variables, 'docker').unnamed).toEqual([])
    expect(encodeEnvironment(variables, 'json').unnamed).toEqual([])
    expect(encodeEnvironment(variables, 'ps').text).toContain("${Env:a.b} = 'x'\n")
  })

  it.each(['sh', 'csh', 'cmd', 'ps'] as const)('leaves a shell that reads %s what it finds this machine by', syntax => {
    const variables = ['PATH', 'HOME', 'LEVEL'].map(name => ({ name, value: 'x' }))
    const { text, left } = encodeEnvironment(variables, syntax)
    expect([left, text.includes('PATH'), text.includes('LEVEL')]).toEqual([['PATH', 'HOME'], false, true])
    expect(encodeEnvironment(variables, 'docker')).toMatchObject({ left: [], text: expect.stringContaining('PATH=x') })
  })

  it('carries a value of 1 MiB where the reader takes it', () => {
    const value = 'é\n"\''.repeat(200_000)
    expect(JSON.parse(encodeEnvironment([{ name: 'BIG', value }], 'json').text)).toEqual({ BIG: value })
    expect(() => encodeEnvironment([{ name: 'BIG', value: 'x'.repeat(1 << 20) }], 'docker')).toThrow(/variable BIG/)
  })
})
