/** docs/personal-intercepts.md: its commands are taken as they stand there, and ask for what the page says. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Args, InterceptContext, InterceptRequest } from '../../src/session/request.ts'
import { eventually } from '../harness/eventually.ts'
import { aborted, sayStarted } from './fake-session.ts'
import { runCli } from './run-cli.ts'

const page = await readFile(new URL('../../docs/personal-intercepts.md', import.meta.url), 'utf8')
const commands = [...page.matchAll(/^\|.*\| `kubectl intercept (.*)` \|$/gm)].map(match => match[1] ?? '')
const wordsOf = (command: string): string[] => [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')

let home: string
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'p-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

describe('the page about personal intercepts', () => {
  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(8)
  })

  it.each(commands.filter(command => !command.startsWith('set ')))('starts a session with a filter: %s', async command => {
    const seen: InterceptRequest[] = []
    const run = (request: InterceptRequest): Promise<number> => {
      seen.push(request)
      return Promise.resolve(0)
    }
    expect(await runCli(wordsOf(command), { parts: { runIntercept: () => Promise.resolve(run) }, home })).toMatchObject({ code: 0 })
    expect(seen[0]?.filter?.text).toMatch(/^(?:header\.x-user:ada|host:nginx\.local|path:~)/)
  })

  it.each(commands.filter(command => command.startsWith('set ')))('asks a running session: %s', async command => {
    const asked: Args[] = []
    const run = async (_request: InterceptRequest, context: InterceptContext): Promise<number> => {
      sayStarted(context, ['nginx'])
      context.commands.on('set', args => {
        asked.push(args)
        return Promise.resolve({ targets: [] })
      })
      await aborted(context.drain)
      return 0
    }
    const running = runCli(['svc/nginx'], { parts: { runIntercept: () => Promise.resolve(run) }, home })
    await eventually(async () => expect(await readdir(path.join(home, '.kubectl-intercept', 'run')).catch(() => [])).toHaveLength(1))
    expect(await runCli(wordsOf(command), { home })).toMatchObject({ code: 0, stderr: '' })
    await runCli(['leave'], { home })
    await running
    expect(asked[0]?.['filter']).toMatch(/^(?:header\.x-user:bob)?$/)
  })
})
