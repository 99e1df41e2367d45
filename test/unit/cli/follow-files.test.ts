import { describe, expect, it } from 'vitest'
import { logger, type LogRecord } from '../../../src/base/log.ts'
import { followFiles } from '../../../src/cli/follow-files.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

function world(files: Record<string, string>) {
  const clock = fakeClock()
  const records: LogRecord[] = []
  const applied: string[] = []
  const readFile = (path: string): string => {
    const text = files[path]
    if (text === undefined) throw new Error('ENOENT')
    return text
  }
  const make = (read: (path: string) => string): string => {
    const text = read('rules')
    if (text.includes('bad')) throw new Error('line 1 is bad')
    return text
  }
  const followed = followFiles(make, { readFile, clock, log: logger(record => records.push(record), 'info') })
  followed.follow(text => applied.push(text))
  return { clock, records, applied, followed }
}

describe('settings from files', () => {
  it('are made anew once a changed file looks the same twice', async () => {
    const files = { rules: 'a', other: 'x' }
    const { clock, applied, followed } = world(files)
    expect(followed.settings).toBe('a')
    files.rules = 'ab'
    await clock.advance(1_000)
    files.rules = 'abc'
    await clock.advance(1_000)
    expect(applied).toEqual([])
    await clock.advance(1_000)
    expect(applied).toEqual(['abc'])
    files.other = 'y'
    await clock.advance(5_000)
    expect(applied).toEqual(['abc'])
    await followed.close()
    files.rules = 'd'
    await clock.advance(5_000)
    expect(applied).toEqual(['abc'])
  })

  it('stay as they were while a file is broken or gone, which is said once', async () => {
    const files: Record<string, string> = { rules: 'a' }
    const { clock, applied, records } = world(files)
    files['rules'] = 'bad'
    await clock.advance(5_000)
    expect(records.map(({ level, fields }) => [level, fields['files'], fields['error']])).toEqual([['error', 'rules', 'line 1 is bad']])
    delete files['rules']
    await clock.advance(5_000)
    expect(records.at(-1)?.fields).toMatchObject({ error: 'ENOENT' })
    files['rules'] = 'c'
    await clock.advance(2_000)
    expect([applied, records.length, records.at(-1)?.fields['files']]).toEqual([['c'], 3, 'rules'])
  })

  it('cannot start from a broken one', () => {
    expect(() => world({ rules: 'bad' })).toThrow('line 1 is bad')
  })
})
