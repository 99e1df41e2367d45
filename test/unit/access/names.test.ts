import { describe, expect, it } from 'vitest'
import { type Candidate, ipOfDashes, type Meaning, meaningOf } from '../../../src/access/names.ts'

const shown = (candidate: Candidate): string => {
  const what =
    candidate.kind === 'service'
      ? `svc ${candidate.namespace}/${candidate.service}`
      : candidate.kind === 'member'
        ? `pod ${candidate.namespace}/${candidate.service}/${candidate.host}`
        : `ip ${candidate.namespace}/${candidate.ip}`
  return candidate.sure ? `${what}!` : what
}
const candidates = (host: string, domain?: string): string[] => {
  const meaning: Meaning = meaningOf(host, 'shop', domain)
  return meaning.kind === 'names' ? meaning.candidates.map(shown) : [meaning.kind]
}

describe('a host name means', () => {
  it.each<[string, string[]]>([
    ['db', ['svc shop/db']],
    ['DB', ['svc shop/db']],
    ['db.infra', ['pod shop/infra/db', 'svc infra/db']],
    ['db.infra.svc', ['svc infra/db!']],
    ['db.infra.svc.cluster.local', ['svc infra/db!']],
    ['db.infra.svc.cluster.local.', ['svc infra/db!']],
    ['db-0.db', ['pod shop/db/db-0', 'svc db/db-0']],
    ['db-0.db.infra', ['pod infra/db/db-0']],
    ['db-0.db.infra.svc', ['pod infra/db/db-0!']],
    ['db-0.db.infra.svc.cluster.local', ['pod infra/db/db-0!']],
    ['10-42-0-7.infra.pod', ['ip infra/10.42.0.7']],
    ['10-42-0-7.infra.pod.cluster.local', ['ip infra/10.42.0.7!']],
    ['fd00--7.infra.pod.cluster.local', ['ip infra/fd00::7!']],
    ['kubernetes.default', ['pod shop/default/kubernetes', 'svc default/kubernetes']],
    ['db.', []],
    ['db.infra.', []],
    ['example.com', ['pod shop/com/example', 'svc com/example']],
    ['api.example.com', ['pod com/example/api']],
    ['a.b.c.d.example.com', []],
    ['cluster.local', ['pod shop/local/cluster', 'svc local/cluster']]
  ])('%s: %j', (host, expected) => {
    expect(candidates(host)).toEqual(expected)
  })

  it('the same with another cluster domain, and without knowing it', () => {
    expect(candidates('db.infra.svc.k8s.corp', 'k8s.corp')).toEqual(['svc infra/db!'])
    expect(candidates('db.infra.svc.k8s.corp')).toEqual(['svc infra/db'])
    expect(candidates('db-0.db.infra.svc.k8s.corp')).toEqual(['pod infra/db/db-0'])
  })

  it.each(['localhost', 'app.localhost', 'localhost.', '127.0.0.1', '127.9.9.9', '::1', '0.0.0.0', '::', '::ffff:127.0.0.1'])(
    'this machine: %s',
    host => {
      expect(candidates(host)).toEqual(['loopback'])
    }
  )

  it.each([
    ['10.96.0.1', '10.96.0.1'],
    ['FD00:0::1', 'fd00::1'],
    ['::ffff:10.0.0.7', '10.0.0.7']
  ])('an address: %s', (host, ip) => {
    expect(meaningOf(host, 'shop')).toEqual({ kind: 'ip', ip })
  })

  it.each([
    '',
    '.',
    '..',
    'a..b',
    '-a',
    'a b',
    'a/b',
    'a\0b',
    'é',
    '1.2.3',
    '2130706433',
    '0x7f.1',
    '010.0.0.1',
    '256.1.1.1',
    'x'.repeat(64),
    'a.'.repeat(130)
  ])('nothing: %j', host => {
    expect(candidates(host)).toEqual(['invalid'])
  })
})

it('addresses with dashes are read back', () => {
  expect(['1-2-3-4', '2001-db8--1', 'db-0', '1-2-3', '300-1-1-1'].map(ipOfDashes)).toEqual([
    '1.2.3.4',
    '2001:db8::1',
    undefined,
    undefined,
    undefined
  ])
})
