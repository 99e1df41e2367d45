import { describe, expect, it } from 'vitest'
import { asFound, parseEnviron } from '../../../src/environment/as-found.ts'
import { redact } from '../../../src/environment/redact.ts'
import type { EnvironmentPlan, Variable } from '../../../src/environment/types.ts'

const variable = (name: string, value: string, more: Partial<Variable> = {}): Variable => ({
  name,
  value,
  source: 'spec',
  secret: false,
  ...more
})
const planOf = (variables: Variable[], more: Partial<EnvironmentPlan> = {}): EnvironmentPlan => ({
  variables,
  missing: [],
  skipped: [],
  ...more
})

describe('/proc/self/environ', () => {
  it('is read to the last byte of each value', () => {
    expect([...parseEnviron(Buffer.from('A=1\0B=two\nlines=x\n\0C=\0é=🎉\0broken\0=x\0'))]).toEqual([
      ['A', '1'],
      ['B', 'two\nlines=x\n'],
      ['C', ''],
      ['é', '🎉']
    ])
  })
})

describe('the container beside the plan', () => {
  it('is right about values, and the plan about sources', () => {
    const plan = planOf([variable('SAME', '1'), variable('OLD', 'new', { source: 'configmap/app:OLD' }), variable('SINCE', 'x')])
    const found = new Map([
      ['PATH', '/bin'],
      ['OLD', 'old'],
      ['SAME', '1'],
      ['LANG', 'C']
    ])
    expect(asFound(plan, found)).toEqual({
      variables: [
        variable('SAME', '1'),
        variable('OLD', 'old', { source: 'configmap/app:OLD (changed since the container started)' }),
        variable('LANG', 'C', { source: 'image' }),
        variable('PATH', '/bin', { source: 'image or runtime' })
      ],
      newer: ['SINCE']
    })
  })

  it('fills in what could not be read, and keeps it secret', () => {
    const plan = planOf([], {
      missing: [
        { what: 'PW', name: 'PW', why: 'forbidden', source: 'secret/db:pw', secret: true },
        { what: 'all of Secret more', why: 'forbidden', source: 'secret/more', secret: true }
      ]
    })
    expect(
      asFound(
        plan,
        new Map([
          ['PW', 'x'],
          ['Z', 'y']
        ])
      ).variables
    ).toEqual([
      variable('PW', 'x', { source: 'secret/db:pw', secret: true }),
      variable('Z', 'y', { source: 'image or secret/more', secret: true })
    ])
  })
})

describe('redacting', () => {
  const redacted = (name: string, value: string, secret = false): string => redact([variable(name, value, { secret })])[0]?.value ?? ''

  it.each([
    'PASSWORD',
    'DB_PASS',
    'db_passwd',
    'API_KEY',
    'APIKEY',
    'GITHUB_TOKEN',
    'AWS_SECRET_ACCESS_KEY',
    'PRIVATE_KEY',
    'X_AUTH',
    'PGPASSWORD',
    'SESSION_COOKIE'
  ])('hides %s by its name', name => {
    expect(redacted(name, 'hunter2')).toBe('REDACTED')
  })

  it.each(['LOG_LEVEL', 'AUTHOR', 'KEYBOARD', 'PATH', 'COMPASS', 'PASSENGERS', 'TOKEN_SERVICE_HOST', 'SECRET_SVC_PORT', 'HOME'])(
    'leaves %s alone',
    name => {
      expect(redacted(name, 'value')).toBe('value')
    }
  )

  it('hides what comes from a Secret, and logins within values', () => {
    expect(redacted('LOG_LEVEL', 'debug', true)).toBe('REDACTED')
    expect(redacted('URL', 'postgres://user:pw@db/x?y=1')).toBe('postgres://REDACTED@db/x?y=1')
    expect(redacted('DSN', 'Server=db;Password=hunter2;Pooling=true')).toBe('Server=db;Password=REDACTED;Pooling=true')
    expect(redacted('PASSWORD', '')).toBe('')
  })
})
