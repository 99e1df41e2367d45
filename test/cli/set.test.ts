import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InterceptError } from '../../src/base/errors.ts'
import type { Parts } from '../../src/cli/parts.ts'
import type { By } from '../../src/session/change.ts'
import type { Args, InterceptContext, InterceptRequest } from '../../src/session/request.ts'
import { eventually } from '../harness/eventually.ts'
import { aborted, sayStarted } from './fake-session.ts'
import { runCli } from './run-cli.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 's-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

type Answers = (args: Args) => Args

/** A session that answers `set` as it is told, until it is asked to leave. */
function session(targets: string[], answer: Answers): { parts: Partial<Parts>; asked: [args: Args, by: By][]; events: unknown[] } {
  const asked: [args: Args, by: By][] = []
  const told: unknown[] = []
  const run = async (_request: InterceptRequest, context: InterceptContext): Promise<number> => {
    const { events, commands, drain } = context
    events.subscribe(event => told.push(event))
    sayStarted(context, targets)
    commands.on('set', (args, by) => {
      asked.push([args, by])
      return Promise.resolve(answer(args))
    })
    await aborted(drain)
    return 0
  }
  return { parts: { runIntercept: () => Promise.resolve(run) }, asked, events: told }
}

const up = (count = 1) =>
  eventually(async () => expect(await readdir(path.join(home, '.kubectl-intercept', 'run')).catch(() => [])).toHaveLength(count))
const set = (line: string) => runCli(['set', ...line.split(' ')], { home })
const one =
  (more: Args): Answers =>
  () => ({ targets: [{ target: 'nginx', changed: true, state: 'verified', weight: 30, share: 0.5, thinning: 1, ...more }] })

async function answered(line: string, answer: Answers) {
  const { parts, asked, events } = session(['nginx'], answer)
  const running = runCli(['svc/nginx'], { parts, home })
  await up()
  const result = await set(line)
  await runCli(['leave'], { home })
  await running
  return { ...result, asked, events }
}

describe('set', () => {
  it.each([
    ['weight=30', { weight: 30 }, {}, 'nginx weight 30, 50 % of the visitors\n'],
    ['svc/nginx split=50%', { split: 0.5, targets: ['nginx'] }, {}, 'nginx weight 30, 50 % of the visitors\n'],
    ['split=25 --through-laptop', { split: 0.25, throughLaptop: true }, {}, 'nginx weight 30, 50 % of the visitors\n'],
    [
      'filter=header.x-user:a --through-laptop',
      { filter: 'header.x-user:a', throughLaptop: true },
      { filter: 'header.x-user:a' },
      'nginx only what matches header.x-user:a\n'
    ],
    ['filter=', { filter: '' }, {}, 'nginx weight 30, 50 % of the visitors\n'],
    ['weight=30', { weight: 30 }, { changed: false }, 'nginx has already weight 30, 50 % of the visitors\n'],
    ['weight=30', { weight: 30 }, { state: 'held' }, 'nginx weight 30, 50 % of the visitors; in force when it is released\n'],
    ['weight=30', { weight: 30 }, { state: 'reconnecting' }, 'nginx weight 30, 50 % of the visitors; in force once it is registered\n'],
    ['hold', { hold: true }, { state: 'held' }, 'nginx held; the cluster serves\n'],
    ['hold', { hold: true }, { changed: false }, 'nginx was held already; the cluster serves\n'],
    ['nginx release', { release: true, targets: ['nginx'] }, { state: 'connecting' }, 'nginx released; connecting\n'],
    ['release', { release: true }, { changed: false }, 'nginx was not held\n']
  ])('asks the session for `%s` as %j', async (line, args, result, stdout) => {
    const { asked, events, ...said } = await answered(line, one(result))
    expect(said).toMatchObject({ code: 0, stdout, stderr: '' })
    expect(asked).toEqual([[args, 'control']])
    expect(events).toContainEqual(expect.objectContaining({ type: 'command', by: 'control', name: 'set', args }))
  })

  it("says a session's reason and exits as it would itself", async () => {
    const { code, stdout, stderr, events } = await answered('split=25%', () => {
      throw new InterceptError('CONSENT_NEEDED', 'more visitors would pass this laptop', { hint: 'agree: --through-laptop' })
    })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('more visitors would pass this laptop')
    expect(events).toContainEqual(expect.objectContaining({ type: 'command.result', ok: false }))
  })

  it('asks which session is meant where one name fits several', async () => {
    const running: ReturnType<typeof runCli>[] = []
    // One after the other: sessions are told in the order in which they began.
    for (const pid of [4242, 4343]) {
      const { parts } = session(['tunnel/10bc451e'], one({ target: 'tunnel/10bc451e' }))
      running.push(runCli(['web'], { parts, home, pid }))
      await up(running.length)
    }
    for (const name of ['tunnel/10bc451e', 'tunnel/10bc451e…', '10bc451e']) {
      const { code, stderr } = await set(`${name} hold`)
      expect(code).toBe(5)
      expect(stderr).toMatch(/fits 2 sessions: tunnel\/10bc451e \(pid 4242[^]*\(pid 4343[^]*by its pid: kubectl intercept set 4242 hold/)
    }
    expect(await set('4343 hold')).toMatchObject({ code: 0 })
    await runCli(['leave', '--all'], { home })
    await Promise.all(running)
  })

  it('asks which of several sessions is meant, and takes its pid', async () => {
    const first = session(['web'], one({ target: 'web' }))
    const second = session(['cart'], one({ target: 'cart' }))
    const running = [runCli(['web'], { parts: first.parts, home }), runCli(['cart'], { parts: second.parts, home, pid: 4343 })]
    await up(2)
    const unclear = await set('hold')
    expect(unclear.code).toBe(5)
    expect(unclear.stderr).toMatch(/kubectl intercept set (?:4242|4343) hold/)
    expect((await set('crat hold')).stderr).toContain('did you mean kubectl intercept set cart hold?')
    expect(await set('4343 hold')).toMatchObject({ code: 0, stdout: 'cart held; the cluster serves\n' })
    expect(first.asked).toEqual([])
    await runCli(['leave', '--all'], { home })
    await Promise.all(running)
  })
})
