import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { commandTable } from '../../../src/cli/command-table.ts'
import type { StopSignals } from '../../../src/cli/signals.ts'
import { eventStream } from '../../../src/event/stream.ts'
import type { SessionEvent } from '../../../src/event/types.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

function table() {
  const events = eventStream('test', fakeClock())
  const told: SessionEvent[] = []
  events.subscribe(event => told.push(event))
  return { commands: commandTable({ events, stop: {} as StopSignals, targets: () => ['nginx'] }), told }
}

describe('the command table', () => {
  it.each(['tui', 'control'] as const)('runs a command of %s and tells who asked', async by => {
    const { commands, told } = table()
    commands.on('set', (args, who) => Promise.resolve({ ...args, who }))
    expect(await commands.run({ command: 'set', args: { hold: true } }, by)).toEqual({ hold: true, who: by })
    expect(told).toMatchObject([
      { type: 'command', id: `${by}-1`, by, name: 'set', args: { hold: true } },
      { type: 'command.result', id: `${by}-1`, ok: true }
    ])
  })

  it('keeps an edited message out of the events', async () => {
    const { commands, told } = table()
    commands.on('replay', args => Promise.resolve({ length: String(args['text']).length }))
    expect(await commands.run({ command: 'replay', args: { id: '7', text: 'Authorization: Bearer s3cret' } }, 'tui')).toEqual({
      length: 28
    })
    expect(JSON.stringify(told)).not.toContain('s3cret')
    expect(told[0]).toMatchObject({ args: { id: '7', text: '…' } })
  })

  it('tells a failure as an event and to whoever asked', async () => {
    const { commands, told } = table()
    commands.on('set', () => Promise.reject(new InterceptError('BAD_USAGE', 'no')))
    await expect(commands.run({ command: 'set', args: {} }, 'tui')).rejects.toMatchObject({ code: 'BAD_USAGE' })
    expect(told.at(-1)).toMatchObject({ type: 'command.result', ok: false, error: { code: 'BAD_USAGE', message: 'no' } })
  })

  it('refuses what it has not, without an event', async () => {
    const { commands, told } = table()
    await expect(commands.run({ command: 'frobnicate', args: {} }, 'control')).rejects.toMatchObject({ code: 'BAD_USAGE' })
    expect(told).toEqual([])
  })
})
