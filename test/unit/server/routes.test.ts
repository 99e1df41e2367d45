import { describe, expect, it } from 'vitest'
import { portOf, routesOf, stripPort } from '../../../src/server/routes.ts'

const A = 'aaaaaaaa-0000-4000-8000-000000000001'
const B = 'bbbbbbbb-0000-4000-8000-000000000002'
const C = 'cccccccc-0000-4000-8000-000000000003'

describe('routes', () => {
  const routes = routesOf([
    { host: 'Nginx.Local', tunnelId: A.toUpperCase() },
    { host: '*.example.org', tunnelId: B },
    { host: '.deep.example.org', tunnelId: C, private: true }
  ])

  it.each([
    ['nginx.local', A],
    ['NGINX.local', A],
    ['nginx.local.', A],
    ['nginx.local:8080', A],
    ['example.org', B],
    ['a.example.org', B],
    ['a.b.EXAMPLE.org:80', B],
    ['deep.example.org', C],
    ['x.deep.example.org', C],
    ['www.nginx.local', undefined],
    ['notexample.org', undefined],
    ['org', undefined],
    ['', undefined],
    ['.', undefined],
    ['..', undefined]
  ])('leads %s to %s', (host, tunnelId) => expect(routes.find(host)?.tunnelId).toBe(tunnelId))

  it('tells private rules', () => {
    expect(routes.find('x.deep.example.org')?.private).toBe(true)
    expect(routes.find('example.org')?.private).toBe(false)
  })

  it('catches everything with *, after more exact rules', () => {
    const all = routesOf([
      { host: '*', tunnelId: C },
      { host: 'nginx.local', tunnelId: A }
    ])
    expect(all.find('nginx.local')?.tunnelId).toBe(A)
    expect(all.find('10.0.0.1:80')?.tunnelId).toBe(C)
    expect(all.find('[::1]:80')?.tunnelId).toBe(C)
    expect(all.find('')?.tunnelId).toBe(C)
  })

  it('tells what leads to a tunnel, but for what leads only from inside', () => {
    const all = routesOf([
      { host: 'a.local', tunnelId: A },
      { host: '.shop.example', tunnelId: A },
      { host: '*', tunnelId: A },
      { host: 'inside.local', tunnelId: A, private: true },
      { host: 'c.local', tunnelId: C }
    ])
    expect(all.hostsOf(A)).toEqual(['a.local', '*.shop.example', '*'])
    expect(all.hostsOf('nobody')).toEqual([])
  })

  it('knows no name longer than an open message can carry, not even with *', () => {
    const all = routesOf([{ host: '*', tunnelId: A }])
    expect(all.find('a'.repeat(255))?.tunnelId).toBe(A)
    expect(all.find('a'.repeat(256))).toBeUndefined()
    expect(all.find('a.'.repeat(32_768))).toBeUndefined()
  })

  it.each([
    ['a:80', 'a', 80],
    ['a', 'a', 443],
    ['[::1]:81', '::1', 81],
    ['[::1]', '::1', 443],
    ['::1', '::1', 443],
    ['a:99999', 'a', 443],
    ['a:', 'a', 443]
  ])('reads %s as host %s and port %s', (text, host, port) => {
    expect(stripPort(text)).toBe(host)
    expect(portOf(text, 443)).toBe(port)
  })
})
