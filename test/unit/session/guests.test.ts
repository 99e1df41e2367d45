import { describe, expect, it } from 'vitest'
import type { ClaimRecord } from '../../../src/claim/lease.ts'
import { parseFilter } from '../../../src/filter/filter.ts'
import { type Asked, askedByRequest, personalOf } from '../../../src/server/personal.ts'
import { wishOf } from '../../../src/session/claiming.ts'
import { guestsFrom, whose } from '../../../src/session/guests.ts'
import { nonceFor, PATH_PREFIX } from '../../../src/tunnel/probe-names.ts'

const record = (session: string, rest: Partial<ClaimRecord> = {}): ClaimRecord => ({
  session,
  user: `${session}@mill`,
  pid: 1,
  since: '2026-01-01T10:00:00Z',
  weight: 255,
  privateTunnel: `tunnel-of-${session}`,
  ...rest
})
const own = personalOf(parseFilter('header.x-user:a'), 'ada')
const asks = (path: string, ...headers: [string, string][]): Asked =>
  askedByRequest({ method: 'GET', path, host: 'nginx.local', headers }, '203.0.113.9:1')

describe('sessions that are passed on to', () => {
  it('are those that can be reached and whose filter can be read', () => {
    const others = [
      record('bob', { filter: 'path:/b' }),
      record('here', { privateTunnel: undefined }),
      record('broken', { filter: 'path:' }),
      record('leaving', { weight: 1 }),
      record('rest')
    ]
    expect(guestsFrom(others, parseFilter).map(({ session, personal }) => [session, personal?.key])).toEqual([
      ['bob', 'path:/b'],
      ['rest', undefined]
    ])
  })
})

describe('whose a request is', () => {
  const guests = guestsFrom([record('bob', { filter: 'path:/b' }), record('cyd', { filter: 'header.x-user:a path:/c' })], parseFilter)
  const name = (asked: Asked | undefined, among = { own: own as typeof own | undefined, guests }, random = () => 0): string => {
    const found = whose(asked, { ...among, random })
    return typeof found === 'string' ? found : found.session
  }

  it('goes by the most specific filter, ours among them', () => {
    expect(name(asks('/', ['X-User', 'a']))).toBe('mine')
    expect(name(asks('/b'))).toBe('bob')
    expect(name(asks('/b', ['X-User', 'a']))).toBe('mine')
    expect(name(asks('/c', ['X-User', 'a']))).toBe('cyd')
    expect(name(asks('/d'))).toBe('nobodys')
    expect(name(undefined)).toBe('nobodys')
  })

  it('is ours when we take all, else of whoever does', () => {
    expect(name(asks('/d'), { own: undefined, guests })).toBe('mine')
    expect(name(asks('/b'), { own: undefined, guests })).toBe('bob')
    const rest = guestsFrom([record('rest')], parseFilter)
    expect(name(asks('/d'), { own, guests: rest })).toBe('rest')
    expect(name(undefined, { own, guests: rest })).toBe('rest')
  })

  it('is shared at random by those who have the same filter', () => {
    const same = guestsFrom([record('joined', { filter: own.key })], parseFilter)
    const asked = asks('/', ['X-User', 'a'])
    expect([0, 0.49, 0.5, 0.99].map(random => name(asked, { own, guests: same }, () => random))).toEqual([
      'mine',
      'mine',
      'joined',
      'joined'
    ])
  })

  it('finds the session that a probe names, also one without a filter', () => {
    const all = [...guests, ...guestsFrom([record('rest')], parseFilter)]
    for (const session of ['bob', 'rest']) expect(name(asks(PATH_PREFIX + nonceFor('n', session)), { own, guests: all })).toBe(session)
    expect(name(asks(PATH_PREFIX + nonceFor('n', 'nobody')), { own, guests })).toBe('nobodys')
  })
})

describe('what others read of a filter', () => {
  it('is always written the same way', () => {
    const wish = (text: string) => wishOf({ weight: 255, filter: parseFilter(text) }, undefined)
    expect(wish('path:/b method:GET')).toEqual({ weight: 255, filter: 'method:GET and path:/b' })
    expect(wish('method:GET path:/b')).toEqual(wish('path:/b method:GET'))
  })

  it('holds no secret, and still tells two of them apart', () => {
    const filter = (secret: string) => wishOf({ weight: 255, filter: parseFilter(`header.authorization:"${secret}"`) }, undefined).filter
    expect(filter('Bearer one')).toMatch(/^header\.authorization:•••••• #[0-9a-f]{12}$/)
    expect(filter('Bearer one')).not.toBe(filter('Bearer two'))
    const [guest] = guestsFrom([record('bob', { filter: filter('Bearer one') ?? '' })], parseFilter)
    expect(whose(asks('/', ['Authorization', 'Bearer one']), { own, guests: guest === undefined ? [] : [guest], random: () => 0 })).toBe(
      'nobodys'
    )
  })
})
