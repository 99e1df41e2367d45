import v8 from 'node:v8'
import vm from 'node:vm'
import { describe, expect, it } from 'vitest'
import { ExchangeStore } from '../../../src/capture/exchange-store.ts'
import type { KeptRecord } from '../../../src/capture/kept-record.ts'
import { eventually } from '../../harness/eventually.ts'

const begin = (store: ExchangeStore, id: string): KeptRecord =>
  store.begin({
    id,
    target: undefined,
    kind: 'request',
    protocol: 'http/1.1',
    who: 'laptop',
    source: '203.0.113.9',
    of: undefined,
    why: undefined,
    startedAt: 0,
    hello: undefined
  })

const asked = (record: KeptRecord, headers: [string, string][] = []): void =>
  record.asked({ method: 'POST', target: '/', host: 'shop.test', path: '/', version: '1.1', headers }, 100)

describe('an open exchange that is forgotten', () => {
  it('lets go of its bytes and takes no more of them, however long it goes on', () => {
    const store = new ExchangeStore({ exchanges: 1 })
    const record = begin(store, 'x1')
    asked(record)
    record.requestBody(Buffer.alloc(5_000))
    record.answered({ status: 200, reason: '', version: '1.1', headers: [] }, 100)
    record.responseBody(Buffer.alloc(5_000))
    record.said({ atMs: 0, direction: 'in', kind: 'ws', name: 'text', size: 3, bytes: Buffer.from('abc'), compressed: false })
    record.raw('in', Buffer.from('abc'))
    const body = record.request?.body
    begin(store, 'x2')
    const after = store.bytes
    asked(record)
    record.requestBody(Buffer.alloc(5_000))
    record.answered({ status: 200, reason: '', version: '1.1', headers: [] }, 100)
    record.said({ atMs: 0, direction: 'in', kind: 'ws', name: 'text', size: 3, bytes: Buffer.from('abc'), compressed: false })
    record.raw('in', Buffer.from('abc'))
    expect([record.request, record.response, record.preview, record.messages, body?.bytes.length]).toEqual([
      undefined,
      undefined,
      undefined,
      [],
      0
    ])
    expect(record.messageCount).toEqual({ in: 2, out: 0 })
    expect([store.get('x1'), store.bytes]).toEqual([undefined, after])
  })
})

describe('a whole exchange that is forgotten', () => {
  it('stays as it is for whoever looks at it', () => {
    const store = new ExchangeStore({ exchanges: 1 })
    const record = begin(store, 'x1')
    asked(record)
    record.requestBody(Buffer.from('hello'))
    record.ended({ kind: 'completed' }, 5)
    begin(store, 'x2')
    expect(record.request?.body.bytes.toString()).toBe('hello')
  })

  it('is freed at once, not when the list is cut', async () => {
    v8.setFlagsFromString('--expose-gc')
    const collect = vm.runInNewContext('gc') as () => void
    const store = new ExchangeStore({ exchanges: 1_000, totalBytes: 100_000 })
    const first = new WeakRef(begin(store, 'x0'))
    for (let at = 1; at < 100; at += 1) begin(store, `x${at}`).raw('in', Buffer.alloc(1_024))
    await eventually(() => {
      collect()
      return first.deref() === undefined
    })
    expect([store.get('x0'), first.deref()]).toEqual([undefined, undefined])
  })
})

describe('the bytes that a store counts', () => {
  it('are all that a small message holds on to: none of a page that serves others', () => {
    const record = begin(new ExchangeStore(), 'x1')
    const bytes = Buffer.from('hello')
    const said = { atMs: 0, direction: 'in', kind: 'ws', name: 'text', size: 5, compressed: false } as const
    record.said({ ...said, bytes })
    record.said({ ...said, bytes: Buffer.from('again') })
    expect(record.messages.map(message => message.bytes.toString())).toEqual(['hello', 'again'])
    expect(record.messages[0]?.bytes.buffer).not.toBe(bytes.buffer)
    expect(record.messages[1]?.bytes.buffer).toBe(record.messages[0]?.bytes.buffer)
  })

  it('are more than those of the head where that has many tiny fields', () => {
    const store = new ExchangeStore()
    const before = store.bytes
    asked(
      begin(store, 'x1'),
      Array.from({ length: 1_000 }, () => ['a', ''])
    )
    expect(store.bytes - before).toBeGreaterThan(100_000)
  })

  it('fall back to nothing but the newest when all is over the cap', () => {
    const store = new ExchangeStore({ totalBytes: 10_000 })
    for (let at = 0; at < 10; at += 1) {
      const record = begin(store, `x${at}`)
      asked(record)
      record.requestBody(Buffer.alloc(20_000))
    }
    expect([store.size, store.at(0)?.id, store.started]).toEqual([1, 'x9', 10])
  })
})
