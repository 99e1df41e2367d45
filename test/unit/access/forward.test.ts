import { describe, expect, it } from 'vitest'
import { parseForward } from '../../../src/access/forward.ts'
import { parseInsidePod } from '../../../src/access/inside-dial.ts'

const LOOPBACK = '127.0.0.1'

describe('--forward', () => {
  it.each([
    ['5432:svc/db:5432', { host: LOOPBACK, port: 5_432 }, 'service', 'db', 5_432],
    ['svc/db:5432', { host: LOOPBACK, port: 5_432 }, 'service', 'db', 5_432],
    ['0:service/db:pg', { host: LOOPBACK, port: 0 }, 'service', 'db', 'pg'],
    ['svc/db:pg', { host: LOOPBACK, port: 0 }, 'service', 'db', 'pg'],
    ['localhost:15432:svc/db.infra:5432', { host: 'localhost', port: 15_432 }, 'service', 'db.infra', 5_432],
    ['[::1]:1:pod/db-0:5432', { host: '::1', port: 1 }, 'pod', 'db-0', 5_432],
    ['db.infra:80', { host: LOOPBACK, port: 80 }, 'name', 'db.infra', 80],
    ['8080:10.96.0.10:80', { host: LOOPBACK, port: 8_080 }, 'name', '10.96.0.10', 80],
    ['8080:[fd00::1]:80', { host: LOOPBACK, port: 8_080 }, 'name', 'fd00::1', 80],
    ['0.0.0.0:8080:web:80', { host: '0.0.0.0', port: 8_080 }, 'name', 'web', 80]
  ])('%s is understood', (text, local, kind, name, port) => {
    expect(parseForward(text)).toEqual({ text, local, kind, name, port })
  })

  it.each([
    '',
    ':',
    'db',
    'db:',
    ':80',
    'svc/:80',
    'deploy/db:80',
    'db:0',
    'db:65536',
    'db:-1',
    'x:db:80',
    '65536:db:80',
    'a:b:c:80',
    'svc/db:80:90:100',
    'db:8o_'
  ])('%j is refused with the form', text => {
    expect(() => parseForward(text)).toThrow(
      expect.objectContaining({ code: 'BAD_USAGE', hint: expect.stringContaining('[LOCAL:]TARGET:PORT') })
    )
  })
})

it('--via-pod names a pod, of a namespace or of ours', () => {
  expect(parseInsidePod('tools-0', 'shop')).toEqual({ namespace: 'shop', pod: 'tools-0' })
  expect(parseInsidePod('infra/tools-0', 'shop')).toEqual({ namespace: 'infra', pod: 'tools-0' })
  expect(parseInsidePod('pod/tools-0', 'shop')).toEqual({ namespace: 'shop', pod: 'tools-0' })
  for (const text of ['', '/', 'a/b/c', 'a b', '-x']) expect(() => parseInsidePod(text, 'shop')).toThrow('--via-pod must be')
})
