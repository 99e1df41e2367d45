import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { readRecording } from '../../../src/replay/recorded.ts'

const har = (...entries: unknown[]): string => JSON.stringify({ log: { version: '1.2', creator: { name: 'x', version: '1' }, entries } })
/** As Chrome writes it for HTTP/2. */
const CHROME = {
  _initiator: { type: 'other' },
  _resourceType: 'xhr',
  request: {
    method: 'POST',
    url: 'https://shop.test/api/checkout?x=1',
    httpVersion: 'http/2.0',
    headers: [
      { name: ':authority', value: 'shop.test' },
      { name: ':method', value: 'POST' },
      { name: 'content-type', value: 'application/json' }
    ],
    postData: { mimeType: 'application/json', text: '{"a":1}' }
  },
  response: {
    status: 201,
    statusText: '',
    headers: [{ name: 'content-encoding', value: 'br' }],
    content: { size: 2, mimeType: 'text/plain', text: 'ok' }
  }
}
/** As Firefox writes a form whose text it did not keep. */
const FIREFOX = {
  request: {
    method: 'POST',
    url: 'http://shop.test/form',
    headers: [],
    postData: { mimeType: 'application/x-www-form-urlencoded', params: [{ name: 'a', value: '1 2' }], text: '' }
  },
  response: { status: 200, statusText: 'OK', headers: [], content: { mimeType: 'image/png', size: 3, encoding: 'base64', text: 'AQID' } }
}
/** As mitmproxy writes a request that got no answer. */
const MITMPROXY = {
  request: { method: 'GET', url: 'http://shop.test/', headers: [{ name: 'Host', value: 'other.test' }] },
  response: { status: 0 }
}

describe('readRecording of a HAR', () => {
  it('takes what browsers and proxies write', () => {
    const { exchanges } = readRecording(`\ufeff${har(CHROME, FIREFOX, MITMPROXY)}`.replace('\ufeff', ''), 'x.har')
    expect(exchanges.map(({ request }) => [request?.method, request?.target, request?.headers])).toEqual([
      [
        'POST',
        '/api/checkout?x=1',
        [
          ['Host', 'shop.test'],
          ['content-type', 'application/json']
        ]
      ],
      ['POST', '/form', [['Host', 'shop.test']]],
      ['GET', '/', [['Host', 'other.test']]]
    ])
    expect(exchanges.map(({ request }) => request?.body.bytes.toString())).toEqual(['{"a":1}', 'a=1+2', ''])
    expect(exchanges.map(({ response }) => response?.status)).toEqual([201, 200, undefined])
    expect(exchanges[0]?.response?.headers).toEqual([])
    expect(exchanges[1]?.response?.body.bytes).toEqual(Buffer.from([1, 2, 3]))
  })

  it.each<[string, string, RegExp]>([
    ['nothing', '', /does not begin/],
    ['half a document', '{"log":{"entries":[', /no whole JSON/],
    ['another document', '{"a":1}', /no log\.entries/],
    ['an entry without a method', har({ request: { url: 'http://a/' } }), /entry 1 of x\.har has no method/],
    ['an entry with a broken URL', har(MITMPROXY, { request: { method: 'GET', url: '::' } }), /entry 2 of x\.har/],
    ['an entry that is a number', har(7), /entry 1/]
  ])('says what is wrong with %s', (_what, text, message) => {
    const read = (): unknown => readRecording(text, 'x.har')
    expect(read).toThrow(InterceptError)
    expect(read).toThrow(message)
  })
})

describe('a target in a HAR', () => {
  const targetOf = (url: string): string | undefined =>
    readRecording(har({ request: { method: 'GET', url, headers: [] } }), 'x.har').exchanges[0]?.request?.target

  it.each([
    ['http://a.test', '/'],
    ['http://a.test?x=1', '/?x=1'],
    ['http://a.test/a/../b/./%7e//c?x=%20&y=a|b', '/a/../b/./%7e//c?x=%20&y=a|b'],
    ['https://u:p@a.test:8443/x#part', '/x'],
    ['http://not a host:99999/x', '/x']
  ])('of %s stays as it was sent', (url, target) => expect(targetOf(url)).toBe(target))

  it('is none where a browser loaded something beside HTTP', () => {
    expect(targetOf('data:text/html,<p>')).toBeUndefined()
    expect(targetOf('blob:https://a.test/1')).toBeUndefined()
    expect(targetOf('chrome-extension://abc/x.js')).toBeUndefined()
  })

  it('leaves user and password of the URL out of the Host', () => {
    const { exchanges } = readRecording(har({ request: { method: 'GET', url: 'https://u:p@a.test:8443/x', headers: [] } }), 'x.har')
    expect(exchanges[0]?.request?.headers).toEqual([['Host', 'a.test:8443']])
  })

  it('says of a body that the browser forgot how long it was', () => {
    const response = { status: 200, headers: [], content: { size: 90_000, mimeType: 'text/html' } }
    const { exchanges } = readRecording(har({ request: { method: 'GET', url: 'http://a.test/', headers: [] }, response }), 'x.har')
    expect(exchanges[0]?.response?.body).toMatchObject({ size: 90_000, truncated: true })
  })
})

describe('readRecording of events', () => {
  const line = (event: object): string => JSON.stringify({ v: 1, seq: 1, at: '', session: 's', ...event })
  const EVENTS = [
    line({ type: 'plan.resolved', target: 'shop', local: '127.0.0.1:8080' }),
    line({ type: 'exchange.started', id: '7', kind: 'request', protocol: 'http/1.1', who: 'laptop', source: 'x', target: 'shop' }),
    line({
      type: 'exchange.request',
      id: '7',
      method: 'PUT',
      host: 'a',
      path: '/p',
      httpVersion: '1.1',
      headers: [['Host', 'a']],
      masked: []
    }),
    line({ type: 'exchange.response', id: '7', status: 200, headers: [['X', 'y']], ttfbMs: 1 }),
    line({
      type: 'exchange.completed',
      id: '7',
      status: 200,
      bodies: { request: { size: 2, text: 'in' }, response: { size: 9, truncated: true, base64: 'AQ==' } }
    })
  ]

  it('puts exchanges together from their events, and knows where the app was', () => {
    const { exchanges, locals } = readRecording(EVENTS.join('\n'), 'x.ndjson')
    expect(exchanges).toHaveLength(1)
    expect(exchanges[0]).toMatchObject({
      id: '7',
      target: 'shop',
      request: { method: 'PUT', target: '/p' },
      response: { status: 200, body: { size: 9, truncated: true } }
    })
    expect(exchanges[0]?.request?.body.bytes.toString()).toBe('in')
    expect([...locals]).toEqual([['shop', '127.0.0.1:8080']])
  })

  it('reads a recording that was cut off in its last line, and no other', () => {
    expect(readRecording(`${EVENTS.join('\n')}\n{"v":1,"ty`, 'x').exchanges).toHaveLength(1)
    expect(() => readRecording([EVENTS[0], 'garbage', ...EVENTS].join('\n'), 'x')).toThrow(/line 2 is no JSON/)
  })
})
