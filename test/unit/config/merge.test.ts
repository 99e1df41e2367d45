import { describe, expect, it } from 'vitest'
import { CONFIG_GRAMMAR } from '../../../src/cli/config-grammar.ts'
import { mergeConfig, type Merged, type Typed } from '../../../src/config/merge.ts'
import { parseConfig } from '../../../src/config/parse.ts'

const FILE = `
defaults: {weight: 30, port: 7000, namespace: shop}
intercepts:
  web: {target: svc/shop-web, port: 3000, split: 25%}
  cart: {port: "8081:http", no-wait: true}
ports: {nginx: 8080, mail: 9090}
`
const merge = (words: string[], typed: Partial<Typed> = {}, text = FILE): Merged =>
  mergeConfig(parseConfig(text, 'f', CONFIG_GRAMMAR), { words, flags: new Set(), ports: [], all: false, takes: () => true, ...typed })

describe('what a config file adds to a command line', () => {
  it('is its defaults for a target that it does not name', () => {
    const merged = merge(['svc/other'])
    expect(merged.args).toEqual(['--weight=30', '--namespace=shop', '--port=7000'])
    expect(merged.said).toEqual(['port 7000', 'weight 30', 'namespace shop'])
  })

  it('is what a named intercept says, before the defaults', () => {
    const merged = merge(['web'])
    expect([...merged.targets]).toEqual([['web', 'svc/shop-web']])
    expect(merged.args).toEqual(['--namespace=shop', '--split=25%', '--port=3000'])
    expect(merged.said[0]).toBe('web is svc/shop-web (another web is typed svc/web)')
  })

  it('is nothing of a named intercept for a target of that name with its kind', () => {
    expect(merge(['svc/web']).targets.size).toBe(0)
    expect(merge(['svc/web']).args).toContain('--weight=30')
  })

  it('yields to flags, and weight to split', () => {
    expect(merge(['x'], { flags: new Set(['split', 'namespace']) }).args).toEqual(['--port=7000'])
    expect(merge(['web'], { flags: new Set(['weight', 'port']), ports: ['1'] }).args).toEqual(['--namespace=shop'])
  })

  it('takes the port of a target from ports before the defaults', () => {
    expect(merge(['deploy/nginx']).args).toContain('--port=8080')
  })

  it('names the targets of ports when there are several', () => {
    const merged = merge(['nginx', 'cart'], { flags: new Set(['no-wait']) })
    expect(merged.args).toEqual(['--weight=30', '--namespace=shop', '--port=nginx=8080', '--port=cart=8081:http'])
    expect(merged.said).toContain('port of cart 8081:http')
    expect(merge(['nginx', 'cart'], { ports: ['cart=1'] }).args).not.toContain('--port=cart=8081:http')
  })

  it('is refused when words differ in what a session has once', () => {
    expect(merge(['nginx', 'cart']).conflict).toEqual({ key: 'no-wait', words: ['nginx', 'cart'] })
    expect(merge(['nginx', 'mail']).conflict).toBeUndefined()
  })

  it('is the map of ports for all, without those that were typed', () => {
    const merged = merge([], { all: true, ports: ['mail=1'] })
    expect(merged.ports).toEqual(['nginx=8080'])
    expect(merged.args).toEqual(['--weight=30', '--namespace=shop'])
    expect(merged.said).toContain('ports nginx 8080')
    expect(merge([], { all: true, ports: ['1'] }).ports).toEqual([])
  })
})
