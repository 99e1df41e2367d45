/** The built program in a real terminal, as a person uses it: every screen, every key that acts, resizes, crashes, suspension, the end. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { demoScreen, shellScreen } from './built.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'screen-'))
})
afterAll(() => rm(folder, { recursive: true }))

const line = (screen: { lines(): string[] }, at: number): string => screen.lines().at(at) ?? ''

describe('the screen', () => {
  it('opens on the other page, lists requests, and leaves a summary and the checked last line behind', async () => {
    await using screen = await demoScreen()
    expect(screen.fullScreen).toBe(true)
    expect(line(screen, 0)).toMatch(/^ nginx {3}● verified \d+ ms {3}weight 255 \(all\).*\d\d:\d\d:\d\d$/)
    expect(line(screen, 1)).toMatch(/req\/s .*p50 .*errors \d/)
    expect(screen.text()).toMatch(/laptop {3}POST {4}\/api\/checkout +500/)
    expect(line(screen, -1)).toMatch(/↵ open {2}\/ filter .*\? help {2}q quit$/)
    screen.press('q')
    expect(await screen.exit).toBe(0)
    expect(screen.fullScreen).toBe(false)
    expect(screen.text()).toMatch(
      /\d+ requests? in .*\d errors?, p50 .*p95 .*\nnginx is served without this laptop \(200 in \d+ ms; 1 sidecar\)$/
    )
  })

  it('stays under the cursor while requests arrive, and follows again', async () => {
    await using screen = await demoScreen()
    await screen.shows(/#2\d$/m)
    screen.press('Up', 'Up', 'k')
    await screen.shows('new below (f)')
    const before = screen.lines().slice(4, -3)
    const cursor = before.findIndex(text => text.startsWith('▸'))
    await screen.shows(/1\d new below/)
    expect(screen.lines().slice(4, 4 + cursor + 1)).toEqual(before.slice(0, cursor + 1))
    screen.press('f')
    await screen.shows('following ▼')
  })

  it('filters by the grammar, says what is wrong while typing, and drops the filter', async () => {
    await using screen = await demoScreen()
    screen.press('/')
    await screen.shows('filter:')
    screen.press('statsu:500')
    await screen.shows(/filter: statsu:500 .*statsu/)
    for (let at = 0; at < 10; at += 1) screen.press('Backspace')
    screen.press('status:5xx', 'Enter')
    await screen.shows(/filter: status:5xx {3}\d+ of \d+/)
    const rows = screen
      .lines()
      .slice(4, -3)
      .filter(text => text.trim() !== '')
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.filter(text => !text.includes(' 500 '))).toEqual([])
    screen.press('Escape')
    await screen.shows(/kept of/)
  })

  it('opens an exchange with its tabs, folds JSON, masks secrets, and shows where the time went', async () => {
    await using screen = await demoScreen({ rows: 40 })
    screen.press('/', 'status:500', 'Enter')
    await screen.shows(/filter: status:500 {3}[1-9]/)
    screen.press('Enter')
    await screen.shows(/\[1 Request\] 2 Response 3 Timing 4 Raw/)
    expect(screen.text()).toContain('authorization: •••••• (masked)')
    screen.press('2')
    await screen.shows('"error": "card declined"')
    screen.press('G', 'k', 'k', 'k', 'k', 'k')
    await screen.shows(/▸ +"trace": \[/)
    screen.press('Left')
    await screen.shows('"trace": [ … 3 items ]')
    screen.press('Right')
    await screen.shows('"decline"')
    screen.press('3')
    await screen.shows('until the first byte')
    screen.press('4')
    await screen.shows('00000000')
    expect(screen.raw).not.toContain('Bearer demo')
    screen.press('Escape')
    await screen.shows('STATUS')
  })

  it('replays a request and shows both answers', async () => {
    await using screen = await demoScreen()
    screen.press('/', 'path:/api/stock*', 'Enter')
    await screen.shows(/filter: path:\/api\/stock\* {3}[1-9]/)
    screen.press('r')
    await screen.shows(/#\d+ answered 200, its replay #\d+ 200/)
    await screen.shows('the same answer')
    screen.press('Escape')
    await screen.shows('STATUS')
    screen.press('Escape')
    await screen.shows('kept of')
    screen.press('/', 'who:replay', 'Enter')
    await screen.shows(/replay {3}GET {5}\/api\/stock\?sku=mug += of #\d+/)
    expect(screen.fullScreen).toBe(true)
  })

  it('edits a request in $EDITOR, sends it, and compares', async () => {
    const editor = path.join(folder, 'editor.sh')
    await writeFile(editor, '#!/bin/sh\nsed -i "s#^GET [^ ]* #GET /nowhere #" "$1"\n')
    await chmod(editor, 0o755)
    await using screen = await demoScreen({ env: { ...process.env, VISUAL: '', EDITOR: editor } })
    screen.press('/', 'path:/api/stock*', 'Enter')
    await screen.shows(/filter: path:\/api\/stock\* {3}[1-9]/)
    screen.press('e')
    await screen.shows(/answered 200, its replay #\d+ 404/)
    await screen.shows('200 → 404')
    expect(screen.fullScreen).toBe(true)
  })

  it('copies a request as a curl command to the clipboard of the terminal', async () => {
    await using screen = await demoScreen()
    screen.press('/', 'path:/api/stock*', 'Enter')
    await screen.shows(/filter: path:\/api\/stock\* {3}[1-9]/)
    screen.press('y')
    await screen.shows('is in the clipboard as a curl command')
    const [, base64 = ''] = /\u001b\]52;c;([A-Za-z0-9+/=]+)/.exec(screen.raw) ?? []
    expect(Buffer.from(base64, 'base64').toString()).toMatch(/^curl .*\n?.*\/api\/stock\?sku=mug/)
  })

  it('exports what is listed as a HAR file, never over another one', async () => {
    await using screen = await demoScreen({ cwd: folder })
    screen.press('x')
    await screen.shows('write a HAR file to: intercept.har')
    screen.press('Enter')
    await screen.shows(/\d+ exchanges are in .*/)
    const har = JSON.parse(await readFile(path.join(folder, 'intercept.har'), 'utf8')) as { log: { entries: unknown[] } }
    expect(har.log.entries.length).toBeGreaterThan(0)
    screen.press('x', 'Enter')
    await screen.shows('intercept.har exists already')
  })

  it('turns the weight while traffic flows, gives back, and takes again', async () => {
    await using screen = await demoScreen()
    screen.press('-')
    await screen.shows(/● verified .*weight 127 \(99\.2 %\)/)
    screen.press('w', 'Backspace', 'Backspace', 'Backspace', '50%', 'Enter')
    await screen.shows(/weight 1 \(50 %\)/)
    screen.press('w', 'Backspace', '999', 'Enter')
    await screen.shows('a weight is 1…255, a share 1%…100%')
    screen.press('Escape', 'Space')
    await screen.shows('⏸ held')
    await screen.shows('given back: the cluster serves')
    screen.press('Space')
    await screen.shows(/● (?:verified|registered).*weight 1/)
    screen.press('+', '+', '+', '+', '+', '+', '+', '+')
    await screen.shows(/weight 255 \(all\)/)
    expect(screen.fullScreen).toBe(true)
  })

  it('shows the events of the session, and the help made from the key table', async () => {
    await using screen = await demoScreen({ rows: 50 })
    screen.press('l')
    await screen.shows('registered → verified')
    screen.press('Escape', '?')
    await screen.shows('give the visitors back for a while')
    screen.press('?')
    await screen.shows('STATUS')
    expect(screen.fullScreen).toBe(true)
  })

  it('leaves at once on a second press, with 130', async () => {
    await using screen = await demoScreen()
    screen.press('C-c', 'C-c')
    expect(await screen.exit).toBe(130)
    expect(screen.fullScreen).toBe(false)
  })

  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129]
  ] as const)('drains on %s and restores the terminal', async (signal, code) => {
    await using screen = await demoScreen()
    process.kill(screen.pid, signal)
    expect(await screen.exit).toBe(code)
    expect(screen.fullScreen).toBe(false)
    expect(screen.raw).toContain('\u001b[?25h')
  })

  it('goes to the shell on Ctrl-Z and comes back', async () => {
    await using screen = await shellScreen()
    screen.press('C-z')
    await screen.shows(/Stopped/)
    expect(screen.fullScreen).toBe(false)
    screen.press('fg', 'Enter')
    await screen.shows(/● verified[^]*q quit/)
    expect(screen.fullScreen).toBe(true)
    screen.press('q')
    await screen.shows('nginx is served without this laptop')
  })

  it('fits every size it is given, and says when one is too small', async () => {
    await using screen = await demoScreen()
    for (const [columns, rows] of [
      [80, 24],
      [200, 60],
      [60, 10],
      [140, 30],
      [100, 24]
    ] as const) {
      screen.resize(columns, rows)
      // Drawn for this size: the rule is as long as the screen is wide.
      await eventually(
        () => screen.lines().filter(text => text === '─'.repeat(columns)).length === 2 && line(screen, -1).endsWith('q quit')
      )
      expect(line(screen, 0)).toMatch(/^ nginx {2,3}● verified/)
      expect(screen.lines()).toHaveLength(rows)
    }
    screen.resize(30, 6)
    await screen.shows('this terminal is too small')
    screen.resize(160, 30)
    await screen.shows('STATUS')
    screen.press('Enter')
    await screen.shows(/STATUS[^]*│.*HTTP\/1\.1/)
  })

  it('survives a storm of sizes and keys', async () => {
    await using screen = await demoScreen()
    for (let at = 0; at < 60; at += 1) {
      screen.resize(50 + ((at * 37) % 120), 10 + ((at * 13) % 40))
      screen.press(['Up', 'Down', 'Enter', 'Tab', 'Escape', 'PageUp', 'G', 'l', '?', 'j'][at % 10] ?? 'f')
    }
    screen.resize(100, 24)
    for (let at = 0; at < 4; at += 1) screen.press('Escape', 'f')
    await screen.shows(/● verified[^]*STATUS[^]*q quit/)
    expect(screen.fullScreen).toBe(true)
  })

  it('draws all anew when the size has changed and is the old one again before the program heard of it', async () => {
    await using screen = await demoScreen()
    process.kill(screen.pid, 'SIGSTOP')
    screen.resize(50, 10)
    screen.resize(100, 24)
    process.kill(screen.pid, 'SIGCONT')
    await screen.shows(/^ nginx +● verified[^]*STATUS[^]*q quit$/)
    expect(screen.lines().filter(text => text === '─'.repeat(100))).toHaveLength(2)
  })

  it('has no colour with NO_COLOR, and is lines of text with TERM=dumb', async () => {
    {
      await using screen = await demoScreen({ env: { ...process.env, NO_COLOR: '1' } })
      expect(screen.raw).not.toMatch(/\u001b\[[0-9;]*3[0-7]m/)
    }
    await using screen = await demoScreen({ env: { ...process.env, TERM: 'dumb' }, until: 'verified' })
    expect(screen.fullScreen).toBe(false)
  })
})
