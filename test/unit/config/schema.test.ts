import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { CONFIG_GRAMMAR, CONFIG_KEYS } from '../../../src/cli/config-grammar.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { configSchema } from '../../../src/config/schema.ts'

const validate = new Ajv2020().compile(configSchema(CONFIG_KEYS))
const accepts = (value: unknown): boolean => {
  try {
    parseConfig(stringify(value), 'f', CONFIG_GRAMMAR)
    return true
  } catch {
    return false
  }
}
const CANDIDATES = [
  0,
  1,
  25,
  255,
  256,
  8080,
  70_000,
  1.5,
  true,
  false,
  [],
  [8080],
  {},
  '',
  'on',
  'off',
  'wait',
  'tui',
  'x',
  'sh',
  '25%',
  '0.5%',
  '100',
  '10s',
  '1m30s',
  '10',
  '0',
  '/',
  '/x y',
  '8080',
  'localhost:1:http',
  '[::1]:80',
  '10.0.0.1:80',
  'web=80',
  'example.com:80',
  'a b'
]

describe('the schema of the config file', () => {
  it.each(CONFIG_KEYS.map(({ name }) => name))('and the program agree on %s', name => {
    for (const value of CANDIDATES) {
      const file = { defaults: { [name]: value } }
      expect([value, validate(file)]).toEqual([value, accepts(file)])
    }
  })

  it.each([
    [{}],
    [null],
    [{ defaults: null, intercepts: null, ports: null }],
    [{ intercepts: { web: { target: 'svc/x', port: [8080, '8443:https'] } }, ports: { nginx: 8080 } }],
    [{ intercepts: { 'svc/x': {} } }],
    [{ ports: { nginx: 'a' } }],
    [{ default: {} }],
    [{ defaults: { target: 'x' } }]
  ])('and the program agree on %j', file => {
    expect(validate(file)).toBe(accepts(file))
  })
})
