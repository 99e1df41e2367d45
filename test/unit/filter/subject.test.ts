import { expect, it } from 'vitest'
import type { KeptExchange } from '../../../src/capture/kept.ts'
import { parseFilter } from '../../../src/filter/filter.ts'
import { subjectOf } from '../../../src/filter/subject.ts'

const body = { bytes: Buffer.alloc(0), size: 0, truncated: false }
const kept: KeptExchange = {
  id: '1',
  target: undefined,
  kind: 'request',
  protocol: 'http/1.1',
  who: 'returned',
  source: '203.0.113.9:50712',
  of: undefined,
  why: undefined,
  startedAt: 0,
  version: 1,
  request: {
    method: 'GET',
    target: 'http://shop/cart',
    host: 'shop',
    path: '/cart',
    version: '1.1',
    headers: [
      ['X-Tag', 'a'],
      ['x-tag', 'b']
    ],
    trailers: [],
    body
  },
  response: { status: 404, reason: 'Not Found', version: '1.1', headers: [['Content-Type', 'text/html']], trailers: [], body },
  messages: [],
  messageCount: { in: 0, out: 0 },
  hello: undefined,
  preview: undefined,
  timings: {},
  bytesIn: 0,
  bytesOut: 0,
  unparsed: false,
  equal: undefined,
  end: undefined
}

it.each([
  'method:GET path:/cart host:shop',
  'status:404',
  'who:returned protocol:http source:203.0.113.9',
  'header.x-tag:a header.X-Tag:b',
  'response.content-type:text/*',
  'not header.content-type:* not response.x-tag:*'
])('lets a filter look at an exchange that is remembered: %s', text => {
  expect(parseFilter(text).matches(subjectOf(kept))).toBe(true)
})

it('knows nothing of an answer that has not come, nor of a request that cannot be read', () => {
  const head = subjectOf({ request: kept.request })
  expect(parseFilter('path:/cart header.x-tag:b not status:>=100 not who:laptop not response.content-type:*').matches(head)).toBe(true)
  const raw = subjectOf({ protocol: 'tcp', request: undefined })
  expect(parseFilter('protocol:tcp not path:* not header.x-tag:*').matches(raw)).toBe(true)
})
