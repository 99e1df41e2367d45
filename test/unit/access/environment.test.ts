import { describe, expect, it } from 'vitest'
import { hidesCluster, proxyEnvironment } from '../../../src/access/environment.ts'

const URLS = { http: 'http://127.0.0.1:1', socks: 'socks5h://127.0.0.1:1' }

describe('the variables of a proxy', () => {
  it('stand in both spellings', () => {
    const set = proxyEnvironment(URLS, {})
    expect(Object.keys(set).sort()).toEqual(
      [
        'ALL_PROXY',
        'HTTPS_PROXY',
        'HTTP_PROXY',
        'NO_PROXY',
        'all_proxy',
        'http_proxy',
        'https_proxy',
        'no_proxy',
        'NODE_USE_ENV_PROXY'
      ].sort()
    )
    expect(set).toMatchObject({ http_proxy: URLS.http, HTTPS_PROXY: URLS.http, ALL_PROXY: URLS.socks, no_proxy: 'localhost,127.0.0.1,::1' })
  })

  it("keep the person's own exceptions that hide no name of the cluster", () => {
    const { NO_PROXY } = proxyEnvironment(URLS, { NO_PROXY: 'localhost, .corp.example,10.0.0.0/8 *', no_proxy: 'db,git.example:8443,.svc' })
    expect(NO_PROXY).toBe('localhost,127.0.0.1,::1,.corp.example,10.0.0.0/8,git.example:8443')
  })
})

it.each([
  ['*', true],
  ['db', true],
  ['svc', true],
  ['.svc', true],
  ['.local', true],
  ['*.cluster.local', true],
  ['.shop.svc', true],
  ['db.shop.svc.cluster.local', true],
  ['cluster.local:443', true],
  ['.com', false],
  ['example.com', false],
  ['localhost', false],
  ['10.96.0.0/12', false],
  ['192.168.1.1:80', false],
  ['::1', false],
  ['fd00::/8', false]
])('the exception %s hides names of the cluster: %s', (entry, hides) => {
  expect(hidesCluster(entry)).toBe(hides)
})
