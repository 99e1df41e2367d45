import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { CONFIG_GRAMMAR } from '../../../src/cli/config-grammar.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import type { ConfigFile, Section } from '../../../src/config/types.ts'

const read = (text: string): ConfigFile => parseConfig(text, '.kubectl-intercept.yaml', CONFIG_GRAMMAR)
const valuesOf = (section: Section | undefined): Record<string, readonly string[]> =>
  Object.fromEntries([...(section?.settings ?? [])].map(([name, { values }]) => [name, values]))

function failure(text: string): InterceptError {
  try {
    read(text)
  } catch (error) {
    if (error instanceof InterceptError) return error
    throw error
  }
  throw new Error('was accepted')
}

describe('a config file', () => {
  it('has defaults, named intercepts and ports', () => {
    const file = read(
      'defaults:\n  weight: 30\n  grace: 5s\nintercepts:\n  web:\n    target: svc/shop-web\n    port: [8080:http, 8443]\n  cart: {split: 25%}\nports: {nginx: 8080}\n'
    )
    expect(valuesOf(file.defaults)).toEqual({ weight: ['30'], grace: ['5s'] })
    expect(file.intercepts.get('web')?.target).toBe('svc/shop-web')
    expect(valuesOf(file.intercepts.get('web'))).toEqual({ port: ['8080:http', '8443'] })
    expect(file.intercepts.get('cart')?.target).toBe('cart')
    expect([...file.ports]).toEqual([['nginx', '8080']])
  })

  it.each([
    ['nothing', ''],
    ['a comment', '# later\n'],
    ['empty sections', 'defaults:\nintercepts:\nports:\n'],
    ['a byte order mark', '\ufeffdefaults:\n  weight: 1\n'],
    ['line ends of Windows', 'defaults:\r\n  weight: 1\r\n'],
    ['an alias', 'defaults: &a\n  weight: 1\nintercepts:\n  web: *a\n']
  ])('may hold %s', (_what, text) => {
    expect(read(text).intercepts.size).toBeLessThan(2)
  })

  it('does not decide what a cloned repository must not, and names the flag', () => {
    const text =
      'defaults:\n  kubeconfig: evil\n  token: abc\n  as: root\n  tunnel-server: ws://evil\n  show-secrets: true\n  yes: true\n  env-file: ../.profile\n  record: x.har\nintercepts:\n  web:\n    command: [rm]\n    weight: 3\n'
    const file = read(text)
    expect(file.defaults.settings.size).toBe(0)
    expect(file.defaults.ignored).toHaveLength(8)
    expect(file.defaults.ignored[3]).toBe(
      'defaults.tunnel-server in .kubectl-intercept.yaml (line 5) is ignored: a file that may have come with a cloned repository does not decide this; if it is meant, type --tunnel-server URL'
    )
    expect(file.intercepts.get('web')?.ignored[0]).toContain('intercepts.web.command')
    expect(file.defaults.ignored.join()).not.toMatch(/abc|evil/)
    expect(valuesOf(file.intercepts.get('web'))).toEqual({ weight: ['3'] })
  })

  it.each([
    ['defaults:\n  weigth: 3\n', '2:3: defaults has no key "weigth"', 'did you mean weight?'],
    ['defaults:\n  returnLimit: 3\n', '2:3: defaults has no key "returnLimit"', 'did you mean return-limit?'],
    ['intercept: {}\n', '1:1: there is no key "intercept"', 'did you mean intercepts?'],
    ['port: 8080\n', '1:1: port must stand under defaults', 'KUBECTL_INTERCEPT_CONFIG=off'],
    ['defaults:\n  target: web\n', '2:3: defaults has no key "target" (a target belongs', 'KUBECTL_INTERCEPT_CONFIG=off'],
    ['defaults:\n  weight: "30"\n', '2:11: defaults.weight must be a whole number from 1 to 255, not "30"', ''],
    ['defaults:\n  weight: 256\n', '2:11: defaults.weight must be', ''],
    ['defaults:\n  weight: [1]\n', 'not a list or a map', ''],
    ['defaults:\n  weight:\n', '2:3: defaults.weight has no value', ''],
    ['defaults:\n  no-fallback: "yes"\n', 'defaults.no-fallback must be true or false', ''],
    ['defaults:\n  grace: 48h\n', 'defaults.grace must be a duration of at most 24h', ''],
    ['defaults:\n  split: 0.5\n', 'defaults.split must be a percentage', ''],
    ['defaults:\n  weight: 3\n  weight: 4\n', '3:3: defaults.weight stands twice, first in line 2', ''],
    ['defaults:\n  weight: 3\n  split: 4\n', '3:3: defaults has weight and split', ''],
    ['defaults: 3\n', '1:11: defaults must hold keys and values', ''],
    ['- a\n', '1:1: the file must hold keys and values', ''],
    ['defaults:\n  port: 10.0.0.1:8080\n', 'another machine is only named on the command line: --port 10.0.0.1:8080', ''],
    ['ports:\n  nginx: 70000\n', '2:10: ports.nginx must be a port', ''],
    ['ports:\n  a=b: 7\n', '2:3: ports.a=b: the key must be a target', ''],
    ['intercepts:\n  list: {}\n', 'kubectl intercept list is a command', ''],
    ['intercepts:\n  svc/x: {}\n', 'a name has letters', ''],
    ['intercepts:\n  x: {target: foo/x}\n', '2:15: intercepts.x.target: target foo/x is not understood', ''],
    ['defaults: {weight: 3\n', ': no valid YAML: ', ''],
    ['a: 1\n---\nb: 2\n', 'more than one document', ''],
    ['defaults: *nothing\n', 'nothing has the anchor &nothing', ''],
    ['defaults: !danger {}\n', 'no valid YAML', ''],
    ['defaults:\n  <<: {weight: 3}\n', 'what intercepts share stands under defaults', '']
  ])('%j is refused in one sentence', (text, message, hint) => {
    const error = failure(text)
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toMatch(/^\.kubectl-intercept\.yaml:\d+:\d+: /)
    expect(error.message).toContain(message)
    expect(error.hint).toContain(hint)
  })

  it('refuses aliases that multiply, and nesting deeper than the stack, in a moment', () => {
    const bomb = Array.from({ length: 30 }, (_, i) => `x${i}: &x${i} [${`*x${i - 1},`.repeat(i === 0 ? 0 : 9)}1]`).join('\n')
    expect(failure(bomb).code).toBe('CONFIG_INVALID')
    expect(failure('['.repeat(60_000)).code).toBe('CONFIG_INVALID')
    expect(failure(`defaults:\n  port: &a [${'1,'.repeat(30)}1]\n`).message).toContain('1 to 20 ports')
  })
})
