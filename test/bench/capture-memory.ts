/**
 * What remembering traffic costs, without a network: exchanges from a generator through the observer into the store. Prints the time of each
 * exchange and the memory as it goes on, which has to become flat. `node test/bench/capture-memory.ts [EXCHANGES]`, 1,000,000 without a number.
 */
import { setImmediate } from 'node:timers/promises'
import { systemClock } from '../../src/base/clock.ts'
import { ExchangeStore } from '../../src/capture/exchange-store.ts'
import { observeExchanges } from '../../src/capture/observe-http.ts'
import { limitOldHeap, limitYoungHeap } from '../../src/cli/young-heap.ts'

const EXCHANGES = Number(process.argv[2] ?? 1_000_000)
const STEPS = 10
/** Exchanges in one turn of the event loop, as under load. */
const PER_TURN = 32
const MIB = 1_048_576
/** Every so many exchanges the answer is large: more than the cap of a body. */
const LARGE_EVERY = 50
const LARGE = Buffer.alloc(100_000, 'l')

const request = (id: number): Buffer =>
  Buffer.from(
    `${id % 3 === 0 ? 'POST' : 'GET'} /items/${id}?page=${id % 100} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: generator/1.0\r\n` +
      `Accept: application/json\r\nAuthorization: Bearer ${id}\r\nConnection: close\r\nContent-Length: ${id % 3 === 0 ? 64 : 0}\r\n\r\n` +
      (id % 3 === 0 ? 'p'.repeat(64) : ''),
    'latin1'
  )
const answer = (id: number): Buffer =>
  Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n` +
      `1f4\r\n${String(id % 10).repeat(500)}\r\n0\r\n\r\n`,
    'latin1'
  )
const large = Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n`), LARGE])

/** Made once: what is measured is the watching. */
const MESSAGES = Array.from({ length: 1_000 }, (_, id) => ({ out: request(id), in: id % LARGE_EVERY === 0 ? large : answer(id) }))

interface Ways {
  store?: ExchangeStore
  quiet?: boolean
}

/** The time of one exchange in µs; `each` after every step. */
async function pass(exchanges: number, { store, quiet = false }: Ways, each: (done: number) => void = () => {}): Promise<number> {
  let ids = 0
  let events = 0
  const nextId = (): string => `${(ids += 1)}`
  const emit = (): void => void (events += 1)
  let seconds = 0
  for (let step = 0; step < STEPS; step += 1) {
    const started = performance.now()
    for (let at = 0; at < exchanges / STEPS; at += 1) {
      const observer = observeExchanges({ clock: systemClock, emit, nextId, who: 'laptop', source: '203.0.113.9:4711', quiet, store })
      const message = MESSAGES[ids % MESSAGES.length]
      if (message === undefined) continue
      observer.onBytes('out', message.out)
      observer.onBytes('in', message.in)
      observer.onEnd('in')
      observer.finish()
      if (at % PER_TURN === 0) await setImmediate()
    }
    seconds += (performance.now() - started) / 1_000
    each(ids)
  }
  if (!quiet && events < exchanges * 4) throw new Error(`only ${events} events for ${exchanges} exchanges`)
  return (seconds / exchanges) * 1_000_000
}

// As each session does that remembers.
const young = limitYoungHeap(systemClock)
limitOldHeap()
const store = new ExchangeStore()
console.log(`before: ${(process.memoryUsage.rss() / MIB).toFixed(0)} MiB resident`)
let highest = 0
const kept = await pass(EXCHANGES, { store }, done => {
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
  highest = Math.max(highest, rss)
  const [all, heap, buffers, counted] = [rss, heapUsed, arrayBuffers, store.bytes].map(bytes => (bytes / MIB).toFixed(0))
  console.log(`${done} exchanges: ${all} MiB resident, heap ${heap}, buffers ${buffers}; the store counts ${counted} MiB of ${store.size}`)
})
console.log(`highest ${(highest / MIB).toFixed(0)} MiB`)
const few = EXCHANGES / 5
const [told, counted] = [await pass(few, {}), await pass(few, { quiet: true })]
console.log(`µs per exchange: ${kept.toFixed(1)} kept and told, ${told.toFixed(1)} told, ${counted.toFixed(1)} only counted`)
young.cancel()
