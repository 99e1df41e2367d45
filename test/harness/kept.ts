/** Exchanges as they are remembered, written down for tests. */
import type { KeptBody, KeptExchange, KeptRequest, KeptResponse } from '../../src/capture/kept.ts'
import type { Header } from '../../src/event/types.ts'

export const body = (content: string | Buffer = '', more: Partial<KeptBody> = {}): KeptBody => {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content, 'utf8')
  return { bytes, size: bytes.length, truncated: false, ...more }
}

export const keptRequest = (more: Partial<KeptRequest> = {}): KeptRequest => {
  const { method = 'GET', path = '/', host = 'shop.test', headers = [['Host', host]] as Header[] } = more
  return { method, target: path, host, path, version: '1.1', headers, trailers: [], body: body(), ...more }
}

export const keptResponse = (more: Partial<KeptResponse> = {}): KeptResponse => ({
  status: 200,
  reason: 'OK',
  version: '1.1',
  headers: [],
  trailers: [],
  body: body(),
  ...more
})

export const kept = (more: Partial<KeptExchange> = {}): KeptExchange => ({
  id: '1',
  target: 'shop',
  kind: 'request',
  protocol: 'http/1.1',
  who: 'laptop',
  source: '203.0.113.9:40000',
  of: undefined,
  why: undefined,
  startedAt: 1_700_000_000_000,
  version: 1,
  request: keptRequest(),
  response: keptResponse(),
  messages: [],
  messageCount: { in: 0, out: 0 },
  hello: undefined,
  preview: undefined,
  timings: { connectMs: 1, ttfbMs: 4, totalMs: 5 },
  bytesIn: 100,
  bytesOut: 200,
  unparsed: false,
  equal: undefined,
  end: { kind: 'completed' },
  ...more
})
