import { describe, expect, it } from 'vitest'
import { type ListedSession, type Listing, renderTunnels, tunnelData, tunnelNames, tunnelNotes } from '../../../src/output/tunnel-rows.ts'
import type { ListedClaim } from '../../../src/claim/look.ts'
import type { TunnelRow } from '../../../src/resolve/list.ts'

const HERE = { context: 'dev', server: 'https://203.0.113.1:6443' }
const SECRET = '10bc451e-59dc-4c70-999e-91a30813ac78'
const row = (over: Partial<TunnelRow> = {}): TunnelRow => ({
  name: 'nginx',
  namespace: 'shop',
  workload: 'deployment/nginx',
  tunnel: '10bc451e…',
  protocol: 'http',
  hosts: ['nginx.local'],
  appPort: 80,
  sidecars: { ready: 1, total: 2 },
  weights: [1],
  server: 'proxy:8421',
  peer: 'gost',
  passes: ['intercepts nginx.local (ingress nginx)'],
  bypasses: ['Service nginx goes to the pods: its callers are NOT intercepted'],
  notes: [],
  problems: [],
  joinable: true,
  plan: { tunnelId: SECRET } as unknown as NonNullable<TunnelRow['plan']>,
  ...over
})
const random = row({
  name: 'cart',
  workload: 'deployment/cart',
  tunnel: undefined,
  joinable: false,
  problems: ['a random id'],
  bypasses: [],
  hosts: []
})
const session = (over: Partial<ListedSession> = {}): ListedSession => ({
  pid: 4242,
  session: 's',
  user: 'ada@laptop',
  version: '0.1.0',
  command: 'kubectl intercept svc/nginx',
  startedAt: '2026-03-01T12:04:31.123Z',
  targets: [{ name: 'nginx', state: 'verified', workload: 'deployment/nginx', local: '127.0.0.1:8080', weight: 255 }],
  answers: true,
  ...over
})
const listing = (rows: TunnelRow[], sessions: ListedSession[] = [], claims: ListedClaim[] = []): Listing => ({
  rows,
  sessions,
  cluster: HERE,
  claims: () => claims,
  now: new Date(2026, 10, 26, 12)
})
const table = { wide: false, allNamespaces: false, headings: true }

describe('the list of tunnels', () => {
  it('says which share a session takes', () => {
    const cell = (target: Partial<ListedSession['targets'][number]>): string => {
      const [first] = session().targets
      if (first === undefined) throw new Error('the sample has a target')
      const text = renderTunnels(listing([row()], [session({ targets: [{ ...first, ...target }] })]), { ...table, headings: false })
      return text.slice(text.indexOf('verified')).trimEnd()
    }
    expect(cell({ weight: 1, share: 0.5 })).toBe('verified, weight 1 = 50 % → 127.0.0.1:8080')
    expect(cell({ weight: 1 })).toBe('verified, weight 1 → 127.0.0.1:8080')
    expect(cell({ weight: 255, share: 0.25 })).toBe('verified, 25 % → 127.0.0.1:8080')
    expect(cell({ weight: 1, share: 0, mirror: true })).toBe('verified, copies only → 127.0.0.1:8080')
    expect(cell({ weight: 255, share: 1 })).toBe('verified → 127.0.0.1:8080')
  })

  it('is a table with what is intercepted now', () => {
    expect(renderTunnels(listing([row(), random], [session()]), table)).toBe(
      [
        'NAME    WORKLOAD           HOSTS         APP   SIDECARS   SERVER       INTERCEPT',
        'nginx   deployment/nginx   nginx.local   80    1/2        proxy:8421   verified → 127.0.0.1:8080',
        'cart    deployment/cart    <none>        80    1/2        proxy:8421   not possible',
        ''
      ].join('\n')
    )
  })

  it('shows namespaces and the wide columns on request', () => {
    const [head = '', line = ''] = renderTunnels(listing([row()]), { wide: true, allNamespaces: true, headings: true }).split('\n')
    expect(head).toMatch(/^NAMESPACE .* TUNNEL +PROTOCOL +PEER +WEIGHTS +SESSIONS +PASSES +NOT-INTERCEPTED$/)
    expect(line).toMatch(/^shop .* 10bc451e… .*intercepts nginx\.local \(ingress nginx\) +Service nginx goes to the pods/)
    expect(renderTunnels(listing([row()]), { ...table, headings: false })).not.toContain('NAME')
  })

  it('says who else intercepts, since when and what, and does not say the own session twice', () => {
    const claim = (user: string, more: Partial<ListedClaim> = {}): ListedClaim => ({
      user,
      pid: 1,
      since: new Date(2026, 10, 26, 9, 14, 7).toISOString(),
      weight: 255,
      ...more
    })
    const claims = [claim('ada@laptop', { pid: 4242 }), claim('bob@two', { filter: 'header.x-user:b' }), claim('eve@three', { weight: 30 })]
    const all = listing([row()], [session()], claims)
    expect(renderTunnels(all, { ...table, headings: false })).toMatch(
      /verified → 127\.0\.0\.1:8080, bob@two \(those with header\.x-user:b\), eve@three \(weight 30\)\n$/
    )
    expect(renderTunnels(all, { ...table, wide: true })).toContain('ada@laptop since 09:14:07 (all visitors); bob@two since 09:14:07')
    expect(tunnelData(all)).toMatchObject({
      items: [{ sessions: [{ user: 'ada@laptop', weight: 255 }, { user: 'bob@two', filter: 'header.x-user:b' }, { user: 'eve@three' }] }]
    })
    const secret = listing([row()], [], [claim('eve@three', { filter: 'header.authorization:hush' })])
    expect(JSON.stringify(tunnelData(secret)) + renderTunnels(secret, { ...table, wide: true })).not.toContain('hush')
    expect(renderTunnels(listing([random], [], claims), { ...table, headings: false })).toMatch(/not possible\n$/)
  })

  it('marks no session of another cluster or namespace, and says where it runs', () => {
    const at = (over: Partial<ListedSession>, namespace?: string): string => {
      const [first] = session().targets
      if (first === undefined) throw new Error('the sample has a target')
      const all = listing([row({ bypasses: [] })], [session({ ...over, targets: [{ ...first, namespace }] })])
      return [
        renderTunnels(all, { ...table, headings: false })
          .trimEnd()
          .split(/ {2,}/)
          .at(-1),
        ...tunnelNotes(all)
      ].join(' | ')
    }
    const here = 'verified → 127.0.0.1:8080'
    expect(at({ cluster: HERE }, 'shop')).toBe(here)
    expect(at({ cluster: { context: 'same, by another name', server: 'https://203.0.113.1:6443/' } }, 'shop')).toBe(here)
    expect(at({}, undefined)).toBe(here)
    expect(at({ cluster: HERE }, 'infra')).toBe('<none> | session 4242 runs elsewhere: nginx (namespace infra) verified')
    expect(at({ cluster: { context: 'prod', server: 'https://203.0.113.2' } }, 'shop')).toBe(
      '<none> | session 4242 runs in another cluster, context prod (https://203.0.113.2): nginx (namespace shop) verified'
    )
  })

  it('names what passes by, what is wrong, and sessions of other places', () => {
    const elsewhere = session({
      pid: 7,
      targets: [{ name: 'pay', state: 'partial', workload: 'deployment/pay', local: undefined, weight: 1 }]
    })
    expect(tunnelNotes(listing([row(), random], [session(), elsewhere, session({ pid: 8, targets: [], answers: false })]))).toEqual([
      'nginx: Service nginx goes to the pods: its callers are NOT intercepted',
      'cart: a random id',
      'session 7 runs elsewhere: pay partial',
      'session 8 does not answer'
    ])
  })

  it('gives targets that can be typed', () => {
    expect(tunnelNames(listing([row(), row({ name: 'nginx:8080' }), random]))).toBe('deployment/nginx\n')
  })

  it('holds no whole tunnel id in any form', () => {
    const all = listing([row()], [session()])
    expect(JSON.stringify(tunnelData(all))).not.toContain(SECRET)
    expect(tunnelData(all)).toMatchObject({ v: 1, items: [{ name: 'nginx', tunnel: '10bc451e…' }] })
    expect(renderTunnels(all, { wide: true, allNamespaces: true, headings: true })).not.toContain(SECRET)
  })
})
