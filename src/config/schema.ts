/** The config file as a JSON Schema (draft 2020-12), for editors: docs/config.schema.json. */
import type { ConfigKey } from './types.ts'
import { isList, schemaOf } from './values.ts'

type Schema = Readonly<Record<string, unknown>>

const map = (description: string, items: Schema, names?: string): Schema => ({
  description,
  type: ['object', 'null'],
  ...(names === undefined ? {} : { propertyNames: { pattern: names } }),
  additionalProperties: items
})

export const INTERCEPT_NAME = /^[a-z0-9](?:[-a-z0-9._]*[a-z0-9])?$/i
export const PORT_NAME = /^[a-z0-9](?:[-a-z0-9./]*[a-z0-9])?$/

function section(keys: readonly ConfigKey[], description: string, more: Readonly<Record<string, Schema>> = {}): Schema {
  const entries = keys.map(({ name, summary, default: preset, value }): [string, Schema] => {
    const one = schemaOf(value)
    const schema = isList(value) ? { anyOf: [one, { type: 'array', minItems: 1, maxItems: 20, items: one }] } : one
    return [name, { description: preset === undefined ? summary : `${summary} (default: ${preset})`, ...schema }]
  })
  return { description, type: ['object', 'null'], properties: { ...more, ...Object.fromEntries(entries) }, additionalProperties: false }
}

export const configSchema = (keys: readonly ConfigKey[]): Schema => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: '.kubectl-intercept.yaml',
  description: 'Settings of kubectl intercept for a folder and what lies below it. Flags win over them.',
  type: ['object', 'null'],
  properties: {
    defaults: section(keys, 'settings of every intercept'),
    intercepts: map(
      'named intercepts: kubectl intercept NAME',
      section(keys, 'one intercept; what is not said here is as in defaults', {
        target: { description: 'svc/x, deploy/x, … or a bare name (default: the name itself)', type: 'string', minLength: 1 }
      }),
      INTERCEPT_NAME.source.replace(/a-z0-9/g, 'A-Za-z0-9')
    ),
    ports: map('where the local apps listen, by target or tunnel; --all uses it', schemaOf({ kind: 'port' }), PORT_NAME.source)
  },
  additionalProperties: false
})
