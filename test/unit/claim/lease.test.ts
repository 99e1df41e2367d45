import { describe, expect, it } from 'vitest'
import { type ClaimRecord, filterName, holderName, leaseFromRecord, readLease, sessionName, tunnelHash } from '../../../src/claim/lease.ts'
import { isGone, liveOthers } from '../../../src/claim/policy.ts'
import { sinceWords, takenError, whatWords } from '../../../src/claim/words.ts'

const TUNNEL = '10BC451E-59dc-4c70-999e-91a30813ac78'
const tunnel = tunnelHash(TUNNEL)
const place = { namespace: 'shop', tunnel, owner: undefined }
const record: ClaimRecord = {
  session: 'a3c1f2d4-0000-4000-8000-123456789abc',
  user: 'ada@one',
  pid: 7,
  since: '2026-11-26T10:02:33.000Z',
  weight: 255,
  filter: 'header.x-user:a',
  privateTunnel: 'b'.repeat(36)
}
const now = new Date('2026-11-26T10:05:00.123Z')

describe('a claim as a Lease', () => {
  it('is named by hashes that tell nothing of tunnel and filter', () => {
    expect(tunnel).toMatch(/^[0-9a-f]{16}$/)
    expect(tunnelHash(TUNNEL.toLowerCase())).toBe(tunnel)
    for (const name of [holderName(tunnel), filterName(tunnel, 'header.x-user:a'), sessionName(tunnel, record.session)]) {
      expect(name).toMatch(/^intercept-[0-9a-f]{16}(?:-[fs][0-9a-f]{12})?$/)
    }
  })

  it('comes back as it was', () => {
    const lease = leaseFromRecord('x', { record, now, asker: { session: 's', user: 'bob@two' } }, place)
    expect(lease.spec).toMatchObject({ acquireTime: '2026-11-26T10:02:33.000000Z', renewTime: '2026-11-26T10:05:00.123000Z' })
    expect(readLease(lease)).toMatchObject({ record, role: 'session', asker: { session: 's', user: 'bob@two' } })
    expect(readLease(leaseFromRecord(holderName(tunnel), { record, now }, place))).toMatchObject({ role: 'holder', asker: undefined })
  })

  it.each([
    ['no annotation', undefined],
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no session', JSON.stringify({ ...record, session: 1 })],
    ['a time that is none', JSON.stringify({ ...record, since: 'yesterday' })],
    ['a weight that is none', JSON.stringify({ ...record, weight: 256 })]
  ])('is ignored with %s', (_what, text) => {
    const lease = leaseFromRecord('x', { record, now }, place)
    lease.metadata.annotations = text === undefined ? {} : { 'intercept/session': text }
    expect(readLease(lease)).toBeUndefined()
  })
})

describe('what claims mean', () => {
  const seen = (name: string, more: Partial<ClaimRecord>) => {
    const read = readLease(leaseFromRecord(name, { record: { ...record, ...more }, now }, place))
    if (read === undefined) throw new Error('unreadable')
    return read
  }

  it('lists one record a session, the oldest first, and the own word of each before its holder record', () => {
    const all = [
      seen('one', { session: 's1', since: '2026-11-26T12:00:00Z' }),
      seen(holderName(tunnel), { session: 's2', weight: 255, since: '2026-11-26T11:30:00Z' }),
      seen('two', { session: 's2', weight: 200, since: '2026-11-26T11:00:00Z' }),
      seen('three', { session: 's3' })
    ]
    const listed = liveOthers(all, each => each.record.session === 's3')
    expect(listed).toMatchObject([{ session: 's2', weight: 200 }, { session: 's1' }])
  })

  it('knows only of the same person on the same machine which processes are gone', () => {
    const here = { session: 'mine', user: record.user, runs: () => false }
    expect(isGone(record, here)).toBe(true)
    expect(isGone(record, { ...here, runs: () => true })).toBe(false)
    expect(isGone(record, { ...here, user: 'ada@two' })).toBe(false)
    expect(isGone(record, { ...here, user: 'bob@one' })).toBe(false)
    expect(isGone(record, { ...here, session: record.session })).toBe(false)
    expect(isGone({ ...record, pid: 0 }, here)).toBe(false)
  })
})

describe('the words', () => {
  it('give the time of today, and the day of any other', () => {
    const local = new Date(2026, 10, 26, 9, 5, 7)
    expect(sinceWords(local.toISOString(), new Date(2026, 10, 26, 23))).toBe('09:05:07')
    expect(sinceWords(local.toISOString(), new Date(2026, 10, 27))).toBe('2026-11-26 09:05:07')
  })

  it('say what somebody has', () => {
    expect(whatWords({ weight: 255 })).toBe('all visitors')
    expect(whatWords({ weight: 30 })).toBe('weight 30')
    expect(whatWords({ weight: 255, filter: 'path:/api/*' })).toBe('those with path:/api/*')
    expect(whatWords({ weight: 255, mirror: true })).toBe('all visitors pass it, to be mirrored')
    expect(whatWords({ weight: 1, mirror: true })).toBe('copies only')
    const error = takenError(record, { name: 'nginx', now })
    expect(error).toMatchObject({ code: 'TAKEN', details: { holder: 'ada@one', filter: 'header.x-user:a' } })
    expect(error.message).toMatch(/^ada@one has nginx since .*\d \(those with header.x-user:a\)$/)
  })
})
