import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { removeVolume, writeVolume } from '../../../src/volumes/write-volume.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { fileOf, newFolder, treeOf } from './folder.ts'

const clock = fakeClock()

describe('a volume', () => {
  it('is written as the kubelet writes it', async () => {
    const folder = newFolder()
    expect(await writeVolume(folder, [fileOf('a', '1'), fileOf('d/e/b', '2', 0o400), fileOf('d/c', '3', 0o666)], clock)).toEqual([])
    expect(treeOf(folder)).toEqual({
      '..TIME/': '755',
      '..TIME/a': '644 1',
      '..TIME/d/': '755',
      '..TIME/d/c': '666 3',
      '..TIME/d/e/': '755',
      '..TIME/d/e/b': '400 2',
      '..data': '-> ..TIME',
      a: '-> ..data/a',
      d: '-> ..data/d'
    })
    expect(readdirSync(folder).find(name => name.startsWith('..2'))).toMatch(/^\.\.2023_11_14_22_13_20\.\d+$/)
  })

  it('changes at once: names come and go, the old folder is removed', async () => {
    const folder = newFolder()
    await writeVolume(folder, [fileOf('a', '1'), fileOf('old/x', '2')], clock)
    const before = readlinkSync(path.join(folder, '..data'))
    await writeVolume(folder, [fileOf('a', 'one'), fileOf('new', '3')], clock)
    expect(readlinkSync(path.join(folder, '..data'))).not.toBe(before)
    expect(treeOf(folder)).toEqual({
      '..TIME/': '755',
      '..TIME/a': '644 one',
      '..TIME/new': '644 3',
      '..data': '-> ..TIME',
      a: '-> ..data/a',
      new: '-> ..data/new'
    })
  })

  it('that cannot be written whole stays as it was', async () => {
    const folder = newFolder()
    await writeVolume(folder, [fileOf('a', '1')], clock)
    const before = treeOf(folder)
    await expect(writeVolume(folder, [fileOf('a', '2'), fileOf('x'.repeat(300), '')], clock)).rejects.toMatchObject({
      code: 'ENAMETOOLONG'
    })
    expect(treeOf(folder)).toEqual(before)
  })

  it('leaves names alone that somebody else has', async () => {
    const folder = newFolder()
    writeFileSync(path.join(folder, 'a'), 'mine')
    expect(await writeVolume(folder, [fileOf('a', '1'), fileOf('b', '2')], clock)).toEqual(['a'])
    expect(readFileSync(path.join(folder, 'a'), 'utf8')).toBe('mine')
    await removeVolume(folder)
    expect(treeOf(folder)).toEqual({ a: '644 mine' })
  })

  it('holds a mebibyte and nothing', async () => {
    const folder = newFolder()
    await writeVolume(folder, [fileOf('large', 'x'.repeat(1024 * 1024))], clock)
    expect(statSync(path.join(folder, 'large')).size).toBe(1024 * 1024)
    await writeVolume(folder, [], clock)
    expect(Object.keys(treeOf(folder))).toEqual(['..TIME/', '..data'])
  })
})
