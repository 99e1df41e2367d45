/** Lines that are narrow or long. */
import { expect, it } from 'vitest'
import type { ServerKind } from '../conformance/peers.ts'
import { eventually } from '../harness/eventually.ts'
import { startLine } from './line.ts'

const DELAY_MS = 50
const MIB = 1_048_576

it.each<ServerKind>(['ga', 'ours'])('serves quick requests beside a big download on a narrow line of a %s server', async kind => {
  await using line = await startLine(kind)
  line.proxy.toServer.throttle(2 * MIB)
  const download = line.visit(`/size/${8 * MIB}`, { timeoutMs: 30_000 })
  await eventually(() => expect(line.proxy.toServer.bytes).toBeGreaterThan(MIB))
  const quick = []
  for (let at = 0; at < 5; at += 1) quick.push(await line.visit('/quick', { timeoutMs: 5_000 }))
  expect(quick.map(({ status }) => status)).toEqual(Array(5).fill(200))
  const { body, ms } = await download
  expect(body.length).toBe(8 * MIB)
  expect(ms).toBeGreaterThan(3_000)
  expect(line.count('lost')).toBe(0)
})

it.each<ServerKind>(['ga', 'ours'])(
  'fills a line of 100 ms with one upload better than a window of 1 MiB could, from a %s server',
  async kind => {
    await using line = await startLine(kind)
    line.proxy.toServer.delay(DELAY_MS)
    line.proxy.toClient.delay(DELAY_MS)
    const bytes = 48 * MIB
    const { text, ms } = await line.visit('/upload', { method: 'POST', body: Buffer.alloc(bytes), timeoutMs: 60_000 })
    expect(text).toBe(String(bytes))
    // What the stock client gets at best: its window once per round trip.
    const stockMs = (bytes / MIB) * 2 * DELAY_MS
    expect(ms).toBeLessThan(stockMs)
    expect(line.count('lost')).toBe(0)
  }
)
