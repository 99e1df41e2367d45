/** `kubectl intercept … -- COMMAND`: real programs beside a session that tells what it was asked. */
import { EventEmitter } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InterceptError } from '../../src/base/errors.ts'
import type { SessionEvent } from '../../src/event/types.ts'
import type { InterceptContext, InterceptRequest } from '../../src/session/request.ts'
import { eventually } from '../harness/eventually.ts'
import { sampleOf } from '../unit/event/samples.ts'
import { type CliResult, runCli } from './run-cli.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'command-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const TUNNEL = ['--tunnel-server', 'ws://127.0.0.1:1/proxy', '--tunnel-id', '10bc451e-59dc-4c70-999e-91a30813ac78', '-p', '3000']
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })

type EventOf<T extends SessionEvent['type']> = Extract<SessionEvent, { type: T }>
type Run = (request: InterceptRequest, context: InterceptContext) => Promise<number>
/** Knows its plan, and serves until it is to leave; `atDrain` is what it does then. */
const serving =
  (atDrain: (context: InterceptContext) => Promise<number> | number = () => 0): Run =>
  async (_request, context) => {
    context.events.emit('plan.resolved', { ...(sampleOf('plan.resolved') as EventOf<'plan.resolved'>), local: '127.0.0.1:3000' })
    await aborted(context.drain)
    return atDrain(context)
  }

interface Options {
  run?: Run
  signals?: EventEmitter
  flags?: string[]
  env?: Record<string, string>
}

const withCommand = ({ run = serving(), signals, flags = [], env = {} }: Options, ...command: string[]): Promise<CliResult> =>
  runCli([...TUNNEL, ...flags, '--', ...command], {
    parts: { runIntercept: () => Promise.resolve(run) },
    env: { PATH: process.env['PATH'], ...env },
    cwd: folder,
    home: folder,
    ...(signals === undefined ? {} : { signals })
  })
const node = (script: string): string[] => [process.execPath, '-e', script]
const file = (name: string): string => path.join(folder, name)
const text = (name: string): Promise<string> => readFile(file(name), 'utf8').catch(() => '')

describe('a command beside a session', () => {
  it('runs with what the session knows, and without our secrets', async () => {
    const script = `require('fs').writeFileSync('env.json', JSON.stringify(process.env))`
    const { code } = await withCommand({ env: { MINE: '1', INTERCEPT_TUNNEL_AUTH: 'ada:secret' } }, ...node(script))
    expect(code).toBe(0)
    const env = JSON.parse(await text('env.json')) as Record<string, string>
    expect(env).toMatchObject({ MINE: '1', INTERCEPT_HOST: '127.0.0.1', INTERCEPT_PORT: '3000' })
    expect(Object.keys(env)).not.toContain('INTERCEPT_TUNNEL_AUTH')
  })

  it('ends the session when it ends, and its status is ours', async () => {
    const reasons: unknown[] = []
    const run = serving(({ reason }) => {
      reasons.push(reason?.())
      return 0
    })
    const { code, stderr, stdout } = await withCommand({ run }, ...node('process.exit(7)'))
    expect({ code, reasons, stdout }).toEqual({ code: 7, reasons: ['child'], stdout: '' })
    expect(stderr).toMatch(/the command runs \(pid \d+\)\n.*the command ended with 7\n/)
  })

  it('tells how a signal ended it', async () => {
    const { code, stderr } = await withCommand({}, ...node(`process.kill(process.pid, 'SIGKILL')`))
    expect(code).toBe(137)
    expect(stderr).toContain('the command was ended by SIGKILL')
  })

  it('says what the session has to say when the command ended well', async () => {
    expect((await withCommand({ run: serving(() => 9) }, ...node(''))).code).toBe(9)
    expect((await withCommand({ run: serving(() => 9) }, ...node('process.exit(3)'))).code).toBe(3)
  })

  it.each([
    ['nothing-of-this-name', 127, /nothing-of-this-name was not found/],
    ['./not-executable', 126, /not-executable cannot be run \(EACCES\)/]
  ])('leaves again when %s cannot be started', async (command, status, words) => {
    await writeFile(file('not-executable'), '')
    await chmod(file('not-executable'), 0o644)
    const { code, stderr } = await withCommand({}, command)
    expect(code).toBe(status)
    expect(stderr).toMatch(words)
  })

  it('gives the visitors back before it stops the command, on the first Ctrl-C', async () => {
    const signals = new EventEmitter()
    const order: string[] = []
    const run = serving(async () => {
      // Long enough for a signal to have arrived.
      await eventually(async () => expect(await text('up')).not.toBe(''))
      order.push(`left, and the command ${(await text('down')) === '' ? 'runs' : 'is gone'}`)
      return 0
    })
    const script = `const fs = require('fs'); process.on('SIGTERM', () => { fs.writeFileSync('down', 'x'); process.exit(143) }); setInterval(() => fs.writeFileSync('up', 'x'), 5)`
    const running = withCommand({ run, signals }, ...node(script))
    await eventually(async () => expect(await text('up')).not.toBe(''))
    signals.emit('SIGINT')
    expect((await running).code).toBe(0)
    expect([order, await text('down')]).toEqual([['left, and the command runs'], 'x'])
  })

  it('has the status of a command that does not end well on the way out', async () => {
    const signals = new EventEmitter()
    const script = `const fs = require('fs'); process.on('SIGTERM', () => process.exit(4)); fs.writeFileSync('up', 'x'); setInterval(() => {}, 1000)`
    const running = withCommand({ signals }, ...node(script))
    await eventually(async () => expect(await text('up')).not.toBe(''))
    signals.emit('SIGINT')
    expect((await running).code).toBe(4)
  })

  it('kills a command that ignores everything, on the second Ctrl-C', async () => {
    const signals = new EventEmitter()
    const run = serving(async ({ now }) => {
      await aborted(now)
      return 130
    })
    const script = `for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => {}); require('fs').writeFileSync('pid', String(process.pid)); setInterval(() => {}, 1000)`
    const running = withCommand({ run, signals }, ...node(script))
    await eventually(async () => expect(await text('pid')).not.toBe(''))
    signals.emit('SIGINT')
    signals.emit('SIGTERM')
    await running
    const pid = Number(await text('pid'))
    await eventually(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'))
  })

  it('stops the command when the session fails, and says 125', async () => {
    const run: Run = async (request, context) => {
      void serving()(request, context)
      await eventually(async () => expect(await text('pid')).not.toBe(''))
      throw new InterceptError('TUNNEL_REJECTED', 'the tunnel server said no', { hint: 'ask it' })
    }
    const script = `require('fs').writeFileSync('pid', String(process.pid)); setInterval(() => {}, 1000)`
    const { code, stderr } = await withCommand({ run }, ...node(script))
    expect(code).toBe(125)
    expect(stderr).toContain('error: the tunnel server said no')
    const pid = Number(await text('pid'))
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  it('starts nothing when the session fails before it has a plan', async () => {
    const run: Run = () => Promise.reject(new InterceptError('TUNNEL_REJECTED', 'no', { hint: 'ask' }))
    const { code } = await withCommand({ run }, ...node(`require('fs').writeFileSync('up', 'x')`))
    expect([code, await text('up')]).toEqual([125, ''])
  })
})

describe('what a session writes beside a command', () => {
  it('is lines on stderr, and every event in the file of --events', async () => {
    await withCommand({ flags: ['--events', 'events.ndjson'] }, ...node(''))
    const events = (await text('events.ndjson'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as SessionEvent)
    expect(events.map(({ type }) => type)).toEqual(['plan.resolved', 'child.state', 'child.state'])
    expect(events[2]).toMatchObject({ state: 'ended', status: 0 })
  })

  it('sends what the command writes to the file of --log-to, after what is there', async () => {
    await writeFile(file('app.log'), 'before\n')
    const { code } = await withCommand({ flags: ['--log-to', 'app.log'] }, ...node(`console.log('out'); console.error('err')`))
    expect([code, await text('app.log')]).toEqual([0, 'before\nout\nerr\n'])
  })

  it.each(['--events', '--log-to'])('refuses a file of %s that cannot be written', async flag => {
    const { code, stderr } = await withCommand({ flags: [flag, 'none/such'] }, ...node(''))
    expect(code).toBe(125)
    expect(stderr).toMatch(new RegExp(`^error: ${flag}: "none/such" cannot be written \\(ENOENT\\)\nhint:  choose another file: ${flag} `))
  })
})

describe('what cannot stand beside a command', () => {
  it.each([
    [['svc/a', '--'], 'nothing stands after --'],
    [['svc/a', 'svc/b', '--', 'node'], '"node" has the environment of one container, so that one target must be named'],
    [['--all', '--yes', '--', 'node'], '"node" has the environment of one container, so that one target must be named'],
    [['svc/a', '--no-wait', '--', 'node'], '--no-wait fails while the port is closed'],
    [['svc/a', '-o', 'json', '--', 'node'], '-o json needs stdout, which belongs to the command'],
    [['svc/a', '--log-to', 'x'], '--log-to says where a command writes, and there is none'],
    [['svc/a', '--forward', 'svc/db:5432'], '--forward is for the calls of a command, and there is none']
  ])('is refused: %j', async (argv, words) => {
    const { code, stderr } = await runCli(argv)
    expect(stderr.replaceAll('\\"', '"')).toContain(words)
    expect(stderr).toMatch(/\bhint"?:/)
    expect(code).toBe(argv.includes('--') ? 125 : 2)
  })
})
