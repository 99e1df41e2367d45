/** The screen under load, for `screen.ts`: exchanges from a generator at a steady rate, the real store and the real events; figures to the file named first. */
import { writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { systemClock } from '../../src/base/clock.ts'
import { ExchangeStore } from '../../src/capture/exchange-store.ts'
import { maskHeaders } from '../../src/capture/mask.ts'
import { observeExchanges } from '../../src/capture/observe-http.ts'
import { limitOldHeap, limitYoungHeap } from '../../src/cli/young-heap.ts'
import { eventStream } from '../../src/event/stream.ts'
import { startTui } from '../../src/tui/start-tui.tsx'

const [, , file = '', rate = '1000'] = process.argv
const PER_SECOND = Number(rate)
const TICK_MS = 10
const events = eventStream('bench', systemClock)
const store = new ExchangeStore()
const answers = [200, 200, 200, 404, 500].map(status =>
  Buffer.from(`HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}`)
)
let ids = 0
let owed = 0

function one(): void {
  const observer = observeExchanges({
    clock: systemClock,
    emit: (type, body) => events.emit(type, body, { target: 'shop' }),
    nextId: () => String((ids += 1)),
    who: 'laptop',
    source: '203.0.113.9:40000',
    target: 'shop',
    store
  })
  observer.onBytes('out', Buffer.from(`GET /api/cart/${ids} HTTP/1.1\r\nHost: shop.test\r\nCookie: a=b\r\n\r\n`))
  observer.onBytes('in', answers[ids % answers.length] ?? Buffer.alloc(0))
  observer.finish()
}

const tui = startTui({
  events,
  log: store,
  clock: systemClock,
  mask: maskHeaders(),
  stdin: process.stdin,
  signals: process,
  stdout: process.stdout,
  colorless: false,
  tmux: false,
  screenReader: false,
  version: '0',
  actions: {
    run: async () => ({}),
    edit: async () => undefined,
    save: async name => name,
    quit: () => void end(),
    quitNow: () => void end(),
    suspend: async () => {}
  }
})
events.emit('session.started', { pid: process.pid, user: 'bench', version: '0', command: 'bench', targets: ['shop'] })
events.emit('target.state', { from: 'resolving', to: 'verified', cause: 'bench', serving: 'laptop' }, { target: 'shop' })
// As every session does.
limitYoungHeap(systemClock)
limitOldHeap()
const lag = monitorEventLoopDelay({ resolution: 1 })
let cpu = process.cpuUsage()
let since = performance.now()
// What the start costs is no part of it.
const warm = systemClock.after(3_000, () => {
  lag.enable()
  cpu = process.cpuUsage()
  since = performance.now()
})
systemClock.every(TICK_MS, () => {
  for (owed += (PER_SECOND * TICK_MS) / 1_000; owed >= 1; owed -= 1) one()
})
systemClock.every(1_000, () => {
  events.emit('stats', {
    rps: PER_SECOND,
    inFlight: 0,
    errors: 0,
    p50: 1,
    p95: 2,
    bytesIn: 1,
    bytesOut: 1,
    share: { laptop: 1, returned: 0 },
    rss: 0,
    loopLagP99: 0
  })
})

async function end(): Promise<void> {
  warm.cancel()
  const seconds = (performance.now() - since) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  writeFileSync(
    file,
    JSON.stringify({
      seconds,
      cpu: (user + system) / 1e6 / seconds,
      lagP99Ms: lag.percentile(99) / 1e6,
      exchanges: ids,
      rssMiB: process.memoryUsage.rss() / 1_048_576
    })
  )
  await tui.close()
  process.exit(0)
}
