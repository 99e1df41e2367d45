import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import type { DemoOptions } from '../../../src/demo/options.ts'
import { runDemo } from '../../../src/demo/run-demo.ts'
import { CHAPTERS, type Chapters } from '../../../src/demo/story.ts'
import { eventually } from '../../harness/eventually.ts'

class Screen extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

/** The same story with a tenth of the requests. */
const short = (change: Partial<Chapters> = {}): Chapters => {
  const all = { ...CHAPTERS, ...change }
  const cut = (name: keyof Chapters): Chapters[keyof Chapters] => ({ ...all[name], requests: Math.ceil(all[name].requests / 10) })
  return { before: cut('before'), split: cut('split'), all: cut('all'), down: cut('down'), back: cut('back'), left: cut('left') }
}

function start(options: Partial<DemoOptions> = {}): { screen: Screen; exit: Promise<number> } {
  const screen = new Screen()
  const signal = new AbortController().signal
  const exit = runDemo({ stdout: screen, stderr: new Screen(), clock: systemClock, signal, chapters: short(), thinkMs: 10, ...options })
  return { screen, exit }
}

describe('demo', () => {
  it('keeps every promise and ends by itself with 0', async () => {
    const { screen, exit } = start()
    expect(await exit).toBe(0)
    expect(screen.text).toMatch(/Every promise held: \d+ requests, 0 failed/)
    expect(screen.text).toMatch(/verified after \d+ ms/)
    expect(screen.text).toMatch(/returning: /)
    expect(screen.text).toMatch(/nginx is served without this laptop \(200 in \d+ ms; 1 sidecar\)/)
    expect(Math.max(...screen.text.split('\n').map(line => line.length))).toBeLessThanOrEqual(100)
    expect(screen.text).not.toContain('\u001b')
  })

  it('ends with 1 and says which promise broke', async () => {
    const { screen, exit } = start({ chapters: short({ all: { ...CHAPTERS.all, expected: 'cluster' } }) })
    expect(await exit).toBe(1)
    expect(screen.text).toContain('A promise was broken: the laptop got 100 % instead of 0 %')
  })

  it('ends with 130 when it is interrupted', async () => {
    const stop = new AbortController()
    const { screen, exit } = start({ signal: stop.signal })
    await eventually(() => expect(screen.text).toContain('--split 50'))
    stop.abort(new Error('interrupted'))
    expect(await exit).toBe(130)
  })

  it('stays with --keep, says what to curl, and leaves cleanly at the signal', async () => {
    const stop = new AbortController()
    const { screen, exit } = start({ signal: stop.signal, keep: true })
    await eventually(() => expect(screen.text).toMatch(/curl -H 'Host: nginx\.local' http:\/\/127\.0\.0\.1:\d+\//), { timeoutMs: 8_000 })
    const url = /a visitor .*(http:\S+)/.exec(screen.text)?.[1] ?? ''
    const { visit } = await import('../../harness/visit.ts')
    expect((await visit(url, { host: 'nginx.local' })).text).toContain('your laptop')
    stop.abort(new Error('interrupted'))
    expect(await exit).toBe(0)
    expect(screen.text).toContain('Every promise held')
  })

  it('prints events and a result as lines of JSON', async () => {
    const { screen, exit } = start({ output: 'json' })
    expect(await exit).toBe(0)
    const lines = screen.text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { type: string })
    expect(lines.at(-1)).toMatchObject({ type: 'demo', ok: true, failed: 0 })
    expect(lines.map(({ type }) => type)).toContain('target.state')
  })
})
