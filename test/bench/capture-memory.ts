/** Memory while 1,000,000 exchanges pass the capture and are remembered: flat, or not. `node --expose-gc test/bench/capture-memory.ts [COUNT]` */
import { systemClock } from '../../src/base/clock.ts'
import { ExchangeStore } from '../../src/capture/exchange-store.ts'
import { limitYoungHeap } from '../../src/cli/young-heap.ts'
import { observeExchanges } from '../../src/capture/observe-http.ts'

const COUNT = Number(process.argv[2] ?? 1_000_000)
const EVERY = COUNT / 10
const store = new ExchangeStore()
const request = Buffer.from(
  `POST /api/cart/42 HTTP/1.1\r\nHost: shop.test\r\nCookie: session=1\r\nContent-Length: 400\r\n\r\n${'q'.repeat(400)}`
)
const answer = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20000\r\n\r\n${'a'.repeat(20_000)}`)
const mib = (): number => Math.round(process.memoryUsage.rss() / 1_048_576)
let ids = 0
let events = 0
// As every session does.
limitYoungHeap(systemClock)
const started = performance.now()
console.log(`before: ${mib()} MiB`)
for (let count = 1; count <= COUNT; count += 1) {
  const observer = observeExchanges({
    clock: systemClock,
    emit: () => void (events += 1),
    nextId: () => String((ids += 1)),
    who: 'laptop',
    source: '203.0.113.9:40000',
    store
  })
  observer.onBytes('out', request)
  observer.onBytes('in', answer)
  observer.finish()
  if (count % EVERY === 0) {
    console.log(
      `${count.toLocaleString('en-US')} exchanges: ${mib()} MiB, ${store.size} kept in ${Math.round(store.bytes / 1_048_576)} MiB`
    )
  }
  // A session lets the event loop run between its exchanges.
  if (count % 100 === 0) await new Promise(resolve => setImmediate(resolve))
}
const seconds = (performance.now() - started) / 1_000
console.log(
  `${Math.round(COUNT / seconds).toLocaleString('en-US')} exchanges/s, ${events} events, ${((seconds / COUNT) * 1e6).toFixed(1)} µs each`
)
