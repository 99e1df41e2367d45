import { describe, expect, it } from 'vitest'
import { containerPath, insidePath } from '../../../src/volumes/inside.ts'
import { linksInside } from '../../../src/volumes/links.ts'

const kept = (links: Record<string, string>): string[] => [...linksInside(new Map(Object.entries(links))).kept.keys()].sort()

describe('links that stay inside', () => {
  it.each<[string, Record<string, string>, string[]]>([
    ['to a neighbour, a child, the folder itself', { a: 'b', 'x/y': '../z', l: '.', n: 'none' }, ['a', 'l', 'n', 'x/y']],
    ['not upwards, absolute or empty', { a: '..', b: '/etc/passwd', c: 'x/../../y', d: '' }, []],
    ['not through another that leads up', { 'x/y/up': '../..', l: 'x/y/up/../foo' }, ['x/y/up']],
    ['not through one that is absolute', { a: '/etc', b: 'a/passwd' }, []],
    ['through others that stay', { a: 'dir', b: 'a/../c', 'dir/k': 'k2' }, ['a', 'b', 'dir/k']],
    ['not in circles', { a: 'b', b: 'a' }, []]
  ])('%s', (_name, links, expected) => {
    expect(kept(links)).toEqual(expected)
  })
})

describe('paths', () => {
  it.each<[string, string | undefined]>([
    ['./a//b/', 'a/b'],
    ['.', ''],
    ['a/../b', undefined],
    ['/a', undefined],
    ['a\0', undefined],
    ['x'.repeat(256), undefined],
    ['..a', '..a']
  ])('%j inside is %j', (text, path) => {
    expect(insidePath(text)).toBe(path)
  })

  it.each<[string, string | undefined]>([
    ['/a/./b/', '/a/b'],
    ['C:\\app\\x', '/app/x'],
    ['a', undefined],
    ['/a/..', undefined],
    ['//x', '/x']
  ])('%j in a container is %j', (text, path) => {
    expect(containerPath(text)).toBe(path)
  })
})
