/**
 * docs/tui.md: frames of the real program, taken in a terminal. `node test/tui/frames.ts` takes them of the demo's session;
 * `test/cluster/in env PATH=$PATH node test/tui/frames.ts --cluster` of `kubectl intercept svc/nginx` on the article's manifests, and writes the page.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { shop } from '../../src/demo/shop.ts'
import { openScreen, type Screen } from '../harness/screen.ts'
import { demoScreen } from './built.ts'

const page = path.join(import.meta.dirname, '..', '..', 'docs', 'tui.md')
const frames: string[] = []
const SIZE = { columns: 100, rows: 20 }

/** What is seen now, under a heading. */
function frame(screen: Screen, title: string): void {
  frames.push(`### ${title}\n\n\`\`\`text\n${screen.lines().join('\n').trimEnd()}\n\`\`\`\n`)
}

interface Stage {
  screen: Screen
  /** The local app goes and comes; undefined where there is nothing to stop. */
  app: { stop(): Promise<void>; start(): Promise<void>; silence(silent: boolean): void } | undefined
}

async function play({ screen, app }: Stage): Promise<void> {
  await screen.shows(/● verified[^]*\/api\/checkout +500[^]*#1\d$/m)
  frame(screen, 'The list')
  screen.press('/')
  await screen.shows('filter:')
  screen.press('status:5xx or path:/api/stock*', 'Enter')
  await screen.shows(/filter: status:5xx .* [1-9]\d* of/)
  await screen.shows(/500[^]*\/api\/stock/)
  frame(screen, 'A filter')
  screen.press('Escape')
  await screen.shows('kept of')
  screen.press('/', 'status:500', 'Enter')
  await screen.shows(/filter: status:500 {3}[1-9]/)
  screen.press('Enter')
  await screen.shows('1 Request')
  screen.press('2')
  await screen.shows('card declined')
  frame(screen, 'An exchange')
  screen.press('3')
  await screen.shows('until the first byte')
  frame(screen, 'Where the time went')
  screen.press('r')
  await screen.shows(/its replay #\d+ 500/)
  frame(screen, 'A replay')
  screen.press('e')
  await screen.shows(/500, its replay #\d+ 201/)
  frame(screen, 'A difference: the request was edited')
  for (const wanted of ['Response', 'STATUS', 'kept of']) {
    screen.press('Escape')
    await screen.shows(wanted)
  }
  screen.press('w', 'Backspace', 'Backspace', 'Backspace', '1', 'Enter')
  await screen.shows(/(?:verified|registered).*weight 1 \(/)
  frame(screen, 'Another weight')
  screen.press('w', 'Backspace', '255', 'Enter')
  await screen.shows(/verified.*weight 255/)
  screen.press('Space')
  await screen.shows('⏸ held')
  frame(screen, 'Given back for a while')
  screen.press('Space')
  await screen.shows('● verified')
  if (app !== undefined) await troubles(screen, app)
  screen.press('l')
  await screen.shows('registered → verified')
  frame(screen, 'What the session did')
  screen.press('Escape')
  await screen.shows('STATUS')
  screen.press('q')
  await screen.shows('is served without this laptop', 20_000)
  frame(screen, 'After `q`, on the normal screen')
}

async function troubles(screen: Screen, app: NonNullable<Stage['app']>): Promise<void> {
  screen.press('f')
  await screen.shows('following')
  app.silence(true)
  await screen.shows('⏸ paused', 30_000)
  frame(screen, 'The app stands at a breakpoint')
  app.silence(false)
  await screen.shows('● verified', 30_000)
  await app.stop()
  await screen.shows('◐ returning', 20_000)
  await screen.shows('(local app down)')
  frame(screen, 'The local app is down')
  await app.start()
  await screen.shows('● verified', 20_000)
}

/** A shop on the laptop that can be stopped and silenced. */
async function localShop() {
  const answer = shop('laptop', systemClock)
  let silent = false
  const held: (() => void)[] = []
  let server: http.Server | undefined
  const open = async (port: number): Promise<number> => {
    const opened = http.createServer((request, response) => {
      if (silent) held.push(() => answer(request, response))
      else answer(request, response)
    })
    await new Promise<void>(resolve => void opened.listen(port, '127.0.0.1', resolve))
    server = opened
    return (opened.address() as AddressInfo).port
  }
  const port = await open(0)
  return {
    port,
    silence(now: boolean) {
      silent = now
      if (!now) for (const run of held.splice(0)) run()
    },
    async stop() {
      const closing = server
      await new Promise<void>(resolve => {
        closing?.close(() => resolve())
        closing?.closeAllConnections()
      })
    },
    start: async () => void (await open(port))
  }
}

/** Visitors of the ingress, one after the other. */
function visitors(): { stop(): void } {
  const visits = [
    { path: '/api/cart/42', headers: { cookie: 'session=1' } },
    { path: '/api/stock?sku=mug' },
    { method: 'POST', path: '/api/checkout', body: '{"cart":42,"card":"4242 4242"}' },
    { path: '/' },
    { method: 'POST', path: '/api/checkout', body: '{"cart":43,"card":"4000 0002"}', headers: { authorization: 'Bearer secret' } }
  ]
  let at = 0
  const timer = systemClock.every(200, () => {
    const { path: where, method = 'GET', body, headers = {} } = visits[(at += 1) % visits.length] ?? { path: '/' }
    const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    const request = http.request(
      { host: '127.0.0.1', port: 80, path: where, method, headers: { host: 'nginx.local', ...json, ...headers }, agent: false },
      response => response.resume()
    )
    request.on('error', () => {}) // the frames show what became of it
    request.end(body)
  })
  return { stop: () => timer.cancel() }
}

const EDITOR = 'sed -i s/4000.0002/4242.4242/'

async function onCluster(): Promise<void> {
  const { world, env } = await import('../e2e/world.ts')
  const article = await world('frames')
  const app = await localShop()
  const load = visitors()
  try {
    await using screen = openScreen('kubectl', ['intercept', '-n', article.namespace, 'svc/nginx', '--port', String(app.port)], {
      ...SIZE,
      env: { ...env, EDITOR, VISUAL: '', CI: undefined }
    })
    await play({ screen, app })
  } finally {
    load.stop()
    await app.stop()
    article.remove()
  }
}

async function onDemo(): Promise<void> {
  await using screen = await demoScreen({ ...SIZE, env: { ...process.env, EDITOR, VISUAL: '' } })
  await play({ screen, app: undefined })
}

/** The page with these frames in place of the last ones. */
const withFrames = (text: string): string =>
  text.replace(
    /(<!-- frames -->\n)[^]*?(<!-- \/frames -->)/,
    (_all, open: string, close: string) => `${open}\n${frames.join('\n')}\n${close}`
  )

if (process.argv.includes('--cluster')) await onCluster()
else await onDemo()
writeFileSync(page, withFrames(readFileSync(page, 'utf8')))
process.exit(0)
