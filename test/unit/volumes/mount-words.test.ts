import { describe, expect, it } from 'vitest'
import { readMountWords } from '../../../src/volumes/mount-words.ts'

const read = (words: string[], platform = 'linux') => readMountWords(words, ['data', 'config', 'c'], platform)
const copy = (from: string, to?: string) => ({ from, to })

describe('--mount', () => {
  it.each<[string[], string | undefined, object[]]>([
    [['./pod'], './pod', []],
    [['pod'], 'pod', []],
    [['/tmp/pod'], '/tmp/pod', []],
    [['data:./data'], undefined, [copy('data', './data')]],
    [['/var/lib/app:app'], undefined, [copy('/var/lib/app', 'app')]],
    [['/var/lib/app:/tmp/a:b'], undefined, [copy('/var/lib/app', '/tmp/a:b')]],
    [['./pod', 'data', '/var/lib'], './pod', [copy('data'), copy('/var/lib')]],
    [['/var/lib', './pod'], './pod', [copy('/var/lib')]],
    [['/tmp/pod', '/var/lib'], '/tmp/pod', [copy('/var/lib')]],
    [['./data'], './data', []]
  ])('%j is a folder and copies', (words, folder, copies) => {
    expect(read(words)).toEqual({ folder, copies })
  })

  it('takes paths of Windows', () => {
    expect(read(['data:C:\\x'])).toEqual({ folder: undefined, copies: [copy('data', 'C:\\x')] })
    expect(read(['data:C:\\x', 'C:\\pod'], 'win32')).toEqual({ folder: 'C:\\pod', copies: [copy('data', 'C:\\x')] })
    expect(read(['c:/pod'], 'win32')).toEqual({ folder: 'c:/pod', copies: [] })
    expect(read(['c:/pod'])).toEqual({ folder: undefined, copies: [copy('c', '/pod')] })
  })

  it.each<[string[], string]>([
    [[''], '--mount needs a folder'],
    [['data:'], 'the folder here is missing'],
    [['none:./x'], 'the pod has no volume none'],
    [['./a', './b'], 'two folders'],
    [['data'], 'to which folder here?'],
    [['/:./x'], 'too much'],
    [['/a/../../b:./x'], 'no path of a container'],
    [['./a', '/b/../c'], 'two folders']
  ])('refuses %j', (words, message) => {
    expect(() => read(words)).toThrow(
      expect.objectContaining({ code: 'BAD_USAGE', message: expect.stringContaining(message), hint: expect.any(String) })
    )
  })
})
