import { describe, expect, it } from 'vitest'
import { isWildcard, routeHost, sampleHost } from '../../../src/discovery/hosts.ts'
import type { IngressRule } from '../../../src/discovery/types.ts'

const rules: IngressRule[] = [
  ['nginx.local', 'exact'],
  ['*.example.org', 'wildcard'],
  ['.shop.example.org', 'deeper'],
  ['*odd.example.com', 'odd'],
  ['*', 'everything'],
  ['Upper.local', 'upper']
].map(([host = '', tunnelId = '']) => ({ host, tunnelId, private: false }))

describe('routeHost', () => {
  it.each([
    ['nginx.local', 'exact'],
    ['nginx.local:8080', 'exact'],
    ['NGINX.local', undefined],
    ['nginx.local.', undefined],
    ['www.nginx.local', undefined],
    ['example.org', 'wildcard'],
    ['a.example.org', 'wildcard'],
    ['a.b.example.org', 'wildcard'],
    ['shop.example.org', 'deeper'],
    ['x.y.shop.example.org', 'deeper'],
    ['odd.example.com', 'odd'],
    ['very-odd.example.com', undefined],
    ['Upper.local', 'upper'],
    ['other', undefined],
    ['', undefined],
    ['[::1]:80', undefined]
  ])('%s leads to %s', (host, tunnel) => {
    expect(routeHost(rules, host)?.tunnelId).toBe(tunnel)
  })

  it('lets the later of two rules with one key win', () => {
    const two: IngressRule[] = [
      { host: '*.a', tunnelId: 'first', private: false },
      { host: '.a', tunnelId: 'second', private: true }
    ]
    expect(routeHost(two, 'x.a')).toEqual(two[1])
  })
})

it('tells wildcards from hosts, and a host that a wildcard answers to', () => {
  expect(['*.x', '.x', '*x', 'x', '*'].map(isWildcard)).toEqual([true, true, false, false, false])
  expect(['*.x', '.x', '*x', 'x'].map(sampleHost)).toEqual(['x', 'x', 'x', 'x'])
})
