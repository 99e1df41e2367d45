import { EventEmitter } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { type ChildEnd, type ChildOptions, runChild } from '../../../src/process/run-child.ts'
import { sendSignal } from '../../../src/cli/send-signal.ts'
import { eventually } from '../../harness/eventually.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'run-child-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string): string => path.join(folder, name)
const read = (name: string): string => readFileSync(file(name), 'utf8')

const signals = new EventEmitter()
const run = (script: string, options: Partial<ChildOptions> = {}): Promise<ChildEnd> =>
  runChild({
    file: 'sh',
    args: ['-c', script],
    env: { PATH: process.env['PATH'] },
    cwd: folder,
    signals,
    send: sendSignal,
    terminal: true,
    ...options
  })

describe('a child', () => {
  it.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['kill -9 $$', 137],
    ['kill -TERM $$', 143],
    ['kill -INT $$', 130]
  ])('that does `%s` gives status %i', async (script, status) => {
    expect((await run(script)).status).toBe(status)
  })

  it('has the given environment, arguments and folder, and no other', async () => {
    await run('printf "%s " "$A" "${B-unset}" "$PWD" "$@" > seen', { env: { PATH: process.env['PATH'], A: 'a b', B: undefined } })
    expect(read('seen')).toMatch(/^a b unset .*run-child-\w+ $/)
  })

  it('that is not there, or no program, has the status of a shell and a reason', async () => {
    expect(await run('', { file: 'no-such-program', args: [] })).toMatchObject({
      status: 127,
      problem: expect.stringContaining('no-such-program was not found')
    })
    writeFileSync(file('text'), 'no program', { mode: 0o644 })
    expect(await run('', { file: file('text'), args: [] })).toMatchObject({
      status: 126,
      problem: expect.stringContaining('cannot be run (EACCES)')
    })
  })
})

describe('a signal', () => {
  /** Node itself may take seconds to start on a busy machine. */
  const started = (name: string): Promise<unknown> => eventually(() => read(name).includes('up'), { timeoutMs: 15_000 })
  const TRAPS =
    'trap "echo int >> $0.log" INT; trap "echo term; exit 3" TERM; trap "exit 4" HUP; echo up > $0; while :; do sleep 0.05; done'

  it.each([
    ['SIGTERM', 3],
    ['SIGHUP', 4]
  ] as const)('%s is passed on', async (name, status) => {
    const child = run(TRAPS, { args: ['-c', TRAPS, name] })
    await started(name)
    signals.emit(name)
    expect(await child).toMatchObject({ status })
  })

  it('SIGINT is left to the terminal, and passed on without one', async () => {
    const beside = run(TRAPS, { args: ['-c', TRAPS, 'tty'] })
    const alone = run(TRAPS, { args: ['-c', TRAPS, 'alone'], terminal: false })
    await Promise.all([started('tty'), started('alone')])
    signals.emit('SIGINT')
    await eventually(() => read('alone.log').includes('int'))
    expect(() => read('tty.log')).toThrow('ENOENT')
    signals.emit('SIGTERM')
    await Promise.all([beside, alone])
  })

  it('that is ignored is followed by SIGKILL', async () => {
    const stubborn = 'trap "" TERM; echo up > stubborn; while :; do sleep 0.05; done'
    const child = run(stubborn, { graceMs: 50 })
    await started('stubborn')
    signals.emit('SIGTERM')
    expect(await child).toMatchObject({ status: 137, signal: 'SIGKILL' })
  })

  it('is not needed when what the child needs is gone', async () => {
    const stop = new AbortController()
    const child = run(TRAPS, { args: ['-c', TRAPS, 'stop'], stop: stop.signal })
    await started('stop')
    stop.abort()
    expect((await child).status).toBe(3)
    expect(signals.listenerCount('SIGTERM')).toBe(0)
  })

  it('reaches what the child has started, which a shell would leave behind', async () => {
    const stop = new AbortController()
    const below = `const fs = require('fs'); process.on('SIGTERM', () => { fs.appendFileSync('below', ' term'); setTimeout(() => process.exit(), 100) }); fs.writeFileSync('below', 'up ' + process.pid); setInterval(() => {}, 1000)`
    const child = run(`"${process.execPath}" -e "${below}"; true`, { stop: stop.signal })
    await started('below')
    stop.abort()
    expect((await child).status).toBe(143)
    expect(read('below')).toMatch(/ term$/)
    expect(() => process.kill(Number(read('below').split(' ')[1]), 0)).toThrow('ESRCH')
  })

  describe('that is ignored by what the child has started', () => {
    const deaf = (name: string): string => {
      const below = `for (const each of ['SIGTERM', 'SIGHUP']) process.on(each, () => {}); require('fs').writeFileSync('${name}', 'up ' + process.pid); setInterval(() => {}, 1000)`
      return `"${process.execPath}" -e "${below}"; true`
    }
    const pidOf = (name: string): number => Number(read(name).split(' ')[1])
    const runs = (name: string): boolean => sendSignal(pidOf(name), 0)
    const names: string[] = []
    /** It would keep the test run open. */
    afterEach(() => {
      for (const name of names.splice(0)) sendSignal(pidOf(name), 'SIGKILL')
    })

    it('is followed by a kill', async () => {
      const stop = new AbortController()
      const child = run(deaf('deaf'), { stop: stop.signal, graceMs: 50 })
      await started('deaf')
      names.push('deaf')
      stop.abort()
      await child
      await eventually(() => expect(runs('deaf')).toBe(false))
    })

    it('is followed by a kill also when the child was ended before the next signal', async () => {
      let first = true
      const send: ChildOptions['send'] = (pid, name) => {
        const sent = sendSignal(pid, name)
        if (first) signals.emit('SIGHUP')
        first = false
        return sent
      }
      const child = run(deaf('deafer'), { send, graceMs: 50 })
      await started('deafer')
      names.push('deafer')
      signals.emit('SIGTERM')
      await child
      await eventually(() => expect(runs('deafer')).toBe(false))
    })
  })
})
