import { describe, expect, test } from 'vitest'
import { proxyFromEnv } from '../../../src/kube/proxy-from-env.ts'

const to = (server: string, env: Record<string, string>): string | undefined => proxyFromEnv(new URL(server), env)
const HTTPS_PROXY = 'http://proxy:3128'

describe('proxyFromEnv', () => {
  test('takes HTTPS_PROXY for https and HTTP_PROXY for http, upper case first', () => {
    const env = { HTTPS_PROXY: 'http://s:1', https_proxy: 'http://lower:1', http_proxy: 'http://h:1' }
    expect(to('https://api.example.com', env)).toBe('http://s:1')
    expect(to('http://api.example.com', env)).toBe('http://h:1')
    expect(to('https://api.example.com', { https_proxy: 'http://lower:1' })).toBe('http://lower:1')
    expect(to('https://api.example.com', { HTTP_PROXY: 'http://h:1' })).toBeUndefined()
  })

  test('adds the scheme that Go assumes', () => {
    expect(to('https://api.example.com', { HTTPS_PROXY: 'proxy:3128' })).toBe('http://proxy:3128')
    expect(to('https://api.example.com', { HTTPS_PROXY: 'socks5://proxy:1080' })).toBe('socks5://proxy:1080')
  })

  test.each(['https://localhost:6443', 'https://127.0.0.1:6443', 'https://127.8.8.8', 'https://[::1]:6443'])('never for %s', server => {
    expect(to(server, { HTTPS_PROXY })).toBeUndefined()
  })

  test.each([
    ['*', 'https://api.example.com', true],
    ['example.com', 'https://api.example.com', true],
    ['example.com', 'https://example.com', true],
    ['.example.com', 'https://example.com', false],
    ['.example.com', 'https://api.example.com', true],
    ['*.example.com', 'https://api.example.com', true],
    ['ample.com', 'https://example.com', false],
    ['EXAMPLE.com', 'https://Api.Example.COM', true],
    ['a.b , example.com', 'https://api.example.com', true],
    ['example.com:6443', 'https://api.example.com:6443', true],
    ['example.com:6443', 'https://api.example.com', false],
    ['example.com:443', 'https://api.example.com', true],
    ['10.0.0.1', 'https://10.0.0.1:6443', true],
    ['10.0.0.1', 'https://10.0.0.11:6443', false],
    ['10.0.0.0/8', 'https://10.200.3.4', true],
    ['10.0.0.0/9', 'https://10.200.3.4', false],
    ['10.0.0.0/33', 'https://10.0.0.1', false],
    ['fd00::/8', 'https://[fd12::1]:6443', true],
    ['fd00::/8', 'https://[fe12::1]:6443', false],
    ['10.0.0.0/8', 'https://api.example.com', false]
  ])('NO_PROXY=%s spares %s: %s', (rules, server, spared) => {
    expect(to(server, { HTTPS_PROXY, NO_PROXY: rules }) === undefined).toBe(spared)
  })
})
