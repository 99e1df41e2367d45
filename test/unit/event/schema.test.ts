import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { EVENT_TYPES, eventSchema } from '../../../src/event/schema.ts'
import { SAMPLES } from './samples.ts'

const ajv = new Ajv2020({ strict: true, allErrors: true, formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ } })
const validate = ajv.compile(eventSchema())
const invalid = (event: unknown): string => (validate(event) ? '' : ajv.errorsText(validate.errors))

describe('the schema of the events', () => {
  it.each(SAMPLES.map(event => [event.type, event] as const))('accepts a sample of %s', (_type, event) => {
    expect(invalid(JSON.parse(JSON.stringify(event)))).toBe('')
  })

  it('has one definition and one sample for every type', () => {
    expect(SAMPLES.map(({ type }) => type).sort()).toEqual([...EVENT_TYPES].sort())
    expect(Object.keys(eventSchema()['$defs'] as object).sort()).toEqual([...EVENT_TYPES].sort())
  })

  it.each(SAMPLES.map(event => [event.type, event] as const))('refuses %s without one of its fields', (type, event) => {
    const definition = (eventSchema()['$defs'] as Record<string, { required: string[] }>)[type]
    expect(definition?.required.length).toBeGreaterThan(5)
    for (const field of definition?.required ?? []) {
      const { [field as keyof typeof event]: _gone, ...rest } = event
      expect([field, invalid(rest)]).not.toEqual([field, ''])
    }
  })

  it('refuses a state that is none, and a share above one', () => {
    const [changed, state] = ['intercept.changed', 'target.state'].map(type => SAMPLES.find(event => event.type === type))
    expect(invalid({ ...changed, share: 1.5 })).toContain('share')
    expect(invalid({ ...state, to: 'fine' })).toContain('/to')
  })

  it('lets through types and fields that are not known yet', () => {
    expect(invalid({ v: 1, seq: 1, at: '2026-03-01T12:04:31.123Z', session: 's', type: 'something.new', x: 1 })).toBe('')
    expect(invalid({ ...SAMPLES[0], extra: true })).toBe('')
  })
})
