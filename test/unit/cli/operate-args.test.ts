import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { loadCertificate, readCertificate, readEntrypoint } from '../../../src/cli/entrypoint-settings.ts'
import { splitArgs } from '../../../src/cli/operate-args.ts'
import { parseOperateConfig } from '../../../src/cli/operate-config.ts'

const split = (line: string) => splitArgs(line.split(' '), 'server')
const own = (line: string) => split(line).own.map(({ name, text }) => `${name}=${text}`)

function refusal(run: () => unknown): InterceptError {
  try {
    run()
  } catch (error) {
    if (error instanceof InterceptError) return error
    throw error
  }
  throw new Error('accepted')
}

describe('our own flags beside those of gost', () => {
  it.each([
    ['--grace 3s -L tunnel://:1', ['grace=3s'], '-L tunnel://:1'],
    ['-L tunnel://:1 --grace=3s --check', ['grace=3s', 'check=true'], '-L tunnel://:1'],
    ['-L --grace -D -- -L x --check=false', ['check=false'], '-L --grace -D -- -L x'],
    ['--L=tunnel://:1 -C=a.yaml -DD', [], '--L=tunnel://:1 -C=a.yaml -DD']
  ])('are taken out of `%s`', (line, flags, gost) => {
    expect(own(line)).toEqual(flags)
    expect(split(line).gost.join(' ')).toBe(gost)
  })

  it('warns of flags of gost that have no effect here', () => {
    const { warnings, gost } = split('-api :18080 -metrics=:9000 -O yaml -L tunnel://:1')
    expect(warnings.map(text => text.split(' ')[0])).toEqual(['-api', '-metrics', '-O'])
    expect(gost).toEqual(['-L', 'tunnel://:1'])
  })

  it.each([
    ['--grce 3s', '--grce', 'did you mean --grace?'],
    ['--zzzzzz', '--zzzzzz', 'kubectl intercept server --help'],
    ['-x', '-x', 'kubectl intercept server --help'],
    ['--grace', '--grace', 'write --grace DURATION']
  ])('refuses `%s` in a sentence', (line, named, hint) => {
    const error = refusal(() => split(line))
    expect(error.code).toBe('BAD_USAGE')
    expect(error.message).toContain(named)
    expect(error.hint).toContain(hint)
  })
})

describe('--entrypoint', () => {
  const ID = '10bc451e-59dc-4c70-999e-91a30813ac78'
  const read = (text: string) => readEntrypoint({ flag: '--entrypoint', text })

  it('is an address, with a tunnel id one for that tunnel', () => {
    expect(read(':8080')).toEqual({ host: '', port: 8080 })
    expect(read(`[::1]:25=${ID.toUpperCase()}`)).toEqual({ host: '::1', port: 25, tunnelId: ID })
  })

  it.each(['8080', 'host', ':x', `=${ID}`, ':80=', ':80=10bc451e', ':99999'])('refuses %s and repeats no id', text => {
    const { code, message, hint } = refusal(() => read(text))
    expect([code, `${message} ${hint}`]).toEqual(['BAD_USAGE', expect.not.stringContaining('10bc')])
  })
})

describe('the file of --config', () => {
  const parse = (text: string) => parseOperateConfig(text, 'server.yaml', 'server')

  it('holds the flags as keys', () => {
    expect(parse('# ours\ngrace: 30s\nlog-level: warn\n').map(({ name, text }) => `${name}=${text}`)).toEqual([
      'grace=30s',
      'log-level=warn'
    ])
    expect(parse('')).toEqual([])
  })

  it.each([
    ['grace: 1s\ngrce: 2s', 'server.yaml, line 2: there is no setting "grce"', 'Did you mean grace?'],
    ['config: x', 'line 1: there is no setting "config"', ''],
    ['grace: [1s, 2s]', 'line 1: grace must hold one value', ''],
    ['- grace', 'line 1: the file must hold keys and values', ''],
    ['grace: 1s\ngrace: 2s', 'line 2: no valid YAML', ''],
    ['a: {', 'no valid YAML', '']
  ])('is refused as %j with file and line', (text, message, hint) => {
    const error = refusal(() => parse(text))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(message)
    expect(error.hint).toContain(hint)
  })
})

describe('--entrypoint-cert and --entrypoint-key', () => {
  const typed = (flag: string, text: string) => ({ flag, text })
  const file = (name: string) => fileURLToPath(new URL(`../../fixtures/certs/${name}`, import.meta.url))
  const read = (path: string) => readFileSync(path, 'utf8')

  it('belong together', () => {
    expect(readCertificate(undefined, undefined)).toBeUndefined()
    expect(readCertificate(typed('--entrypoint-cert', 'a'), typed('--entrypoint-key', 'b'))).toEqual({ cert: 'a', key: 'b' })
    expect(refusal(() => readCertificate(typed('--entrypoint-cert', 'a'), undefined)).code).toBe('BAD_USAGE')
  })

  it('must be a certificate and its key', () => {
    const load = (cert: string, key: string) => () => loadCertificate({ cert: file(cert), key: file(key) }, read)
    expect(load('server.pem', 'server.key')()?.cert).toContain('BEGIN CERTIFICATE')
    for (const bad of [load('server.pem', 'ca.key'), load('server.key', 'server.key'), load('none', 'none')]) {
      expect(refusal(bad)).toMatchObject({ code: 'CONFIG_INVALID', hint: expect.stringContaining('kubectl get secret') })
    }
  })
})
