import { describe, expect, it } from 'vitest'
import { parse } from '../../../src/cli/parse.ts'
import { routeArgv } from '../../../src/cli/route-argv.ts'

const parsed = (...argv: string[]) => parse(routeArgv(argv))

describe('parse', () => {
  it('takes the last of repeated scalars and switches', async () => {
    const args = await parsed('svc/a', '--weight', '3', '--weight=4', '--all', '--all=false')
    expect(args.text('weight')).toBe('4')
    expect(args.on('all')).toBe(false)
  })

  it('collects what may repeat, without swallowing the words after it', async () => {
    const args = await parsed('--port', 'a=1', 'svc/a', '--port', 'b=2', 'svc/b', '--as-group', 'x', '--as-group', 'y')
    expect(args.all('port')).toEqual(['a=1', 'b=2'])
    expect(args.all('as-group')).toEqual(['x', 'y'])
    expect(args.words).toEqual(['svc/a', 'svc/b'])
  })

  it('keeps what looks like a number or a path of keys as text', async () => {
    const args = await parsed('007', '1e3', '--namespace', '0123', '--context', 'a.b.c', '--port', '08')
    expect(args.words).toEqual(['007', '1e3'])
    expect(args.text('namespace')).toBe('0123')
    expect(args.text('context')).toBe('a.b.c')
    expect(args.all('port')).toEqual(['08'])
  })

  it('reads flags that begin with no- as themselves', async () => {
    const args = await parsed('svc/a', '--no-fallback')
    expect(args.on('no-fallback')).toBe(true)
    expect(args.on('no-wait')).toBe(false)
  })

  it('keeps values that look like flags', async () => {
    const args = await parsed('svc/a', '--password', '--secret=1', '--token', '-x')
    expect(args.text('password')).toBe('--secret=1')
    expect(args.text('token')).toBe('-x')
  })

  it('tells an empty value from none', async () => {
    const args = await parsed('svc/a', '--selector=')
    expect(args.text('selector')).toBe('')
    expect(args.text('via')).toBeUndefined()
  })
})
