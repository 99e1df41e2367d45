import { gzipSync } from 'node:zlib'
import { Ajv } from 'ajv'
import draft6 from 'ajv/dist/refs/json-schema-draft-06.json' with { type: 'json' }
import fc from 'fast-check'
import harSchemas from 'har-schema'
import { describe, expect, it } from 'vitest'
import { harText } from '../../../src/capture/har.ts'
import type { KeptExchange } from '../../../src/capture/kept.ts'
import { maskHeaders, showAll } from '../../../src/capture/mask.ts'
import { readHar } from '../../../src/replay/read-har.ts'
import { body, kept, keptRequest, keptResponse } from '../../harness/kept.ts'

const ajv = new Ajv({ strict: false, validateFormats: false })
ajv.addMetaSchema(draft6)
for (const [name, schema] of Object.entries(harSchemas)) if (name !== 'har') ajv.addSchema(schema)
const validate = ajv.compile(harSchemas.har)

const mask = maskHeaders()
const parse = (exchanges: readonly KeptExchange[], options: Parameters<typeof harText>[1] = { mask, version: '1.2.3' }) =>
  JSON.parse(harText(exchanges, options)) as { log: { entries: Record<string, never>[]; creator: unknown } }
const secret = kept({
  request: keptRequest({
    method: 'POST',
    path: '/up?a=1&b=%20x',
    headers: [
      ['Host', 'shop.test'],
      ['Cookie', 'session=s3cret; theme=dark'],
      ['Authorization', 'Bearer s3cret'],
      ['Content-Type', 'application/json']
    ],
    body: body('{"a":"ü"}')
  }),
  response: keptResponse({
    status: 302,
    headers: [
      ['Set-Cookie', 'session=s3cret; Path=/'],
      ['Location', '/there']
    ]
  })
})

describe('a HAR of ours', () => {
  it('passes the published schema, for arbitrary exchanges', () => {
    const headers = fc.array(
      fc.tuple(
        fc.constantFrom('X-A', 'Cookie', 'Set-Cookie', 'Content-Type', 'Location', 'Content-Encoding'),
        fc.string({ unit: 'binary', maxLength: 20 })
      ),
      { maxLength: 5 }
    )
    const bodies = fc.uint8Array({ maxLength: 50 }).map(bytes => body(Buffer.from(bytes)))
    const arbitrary = fc
      .record({
        method: fc.constantFrom('GET', 'POST'),
        path: fc.string({ maxLength: 20 }).map(text => `/${text}`),
        headers,
        requestBody: bodies,
        responseBody: bodies,
        status: fc.integer({ min: 100, max: 599 }),
        answered: fc.boolean(),
        totalMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
        connectMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: undefined })
      })
      .map(({ method, path, headers: given, requestBody, responseBody, status, answered, totalMs, connectMs }) =>
        kept({
          request: keptRequest({ method, path, headers: given, body: requestBody }),
          response: answered ? keptResponse({ status, headers: given, body: responseBody }) : undefined,
          timings: { totalMs, ...(connectMs === undefined ? {} : { connectMs }) }
        })
      )
    fc.assert(
      fc.property(fc.array(arbitrary, { maxLength: 3 }), exchanges => {
        expect(validate(parse(exchanges)) || validate.errors).toBe(true)
      })
    )
  })

  it('masks secret headers and cookies, unless told not to', () => {
    const text = harText([secret], { mask })
    expect(text).not.toContain('s3cret')
    expect(parse([secret]).log.entries[0]).toMatchObject({
      request: {
        cookies: [
          { name: 'session', value: '••••••' },
          { name: 'theme', value: '••••••' }
        ],
        queryString: [
          { name: 'a', value: '1' },
          { name: 'b', value: ' x' }
        ]
      },
      response: { redirectURL: '/there', cookies: [{ name: 'session', value: '••••••' }] }
    })
    expect(harText([secret], { mask: showAll })).toContain('Bearer s3cret')
  })

  it('unpacks texts, and has other bytes as base64', () => {
    const packed = kept({
      response: keptResponse({
        headers: [
          ['Content-Encoding', 'gzip'],
          ['Content-Type', 'text/plain']
        ],
        body: body(gzipSync('hello'))
      })
    })
    const binary = kept({ response: keptResponse({ body: body(Buffer.from([0xff, 0, 1])) }) })
    const [a, b] = parse([packed, binary]).log.entries
    expect(a).toMatchObject({ response: { content: { text: 'hello', size: 5, mimeType: 'text/plain' } } })
    expect(b).toMatchObject({ response: { content: { text: '/wAB', encoding: 'base64' } } })
  })

  it('has messages of a WebSocket where Chrome has them, and says what was not kept', () => {
    const live = kept({
      protocol: 'websocket',
      response: keptResponse({ status: 101 }),
      messages: [{ atMs: 5, direction: 'out', kind: 'ws', name: 'text', size: 2, bytes: Buffer.from('hi'), compressed: false }],
      messageCount: { in: 0, out: 9 }
    })
    const cut = kept({ response: keptResponse({ body: body('part', { size: 99, truncated: true }) }) })
    const [a, b] = parse([live, cut]).log.entries
    expect(a).toMatchObject({
      comment: 'the last 1 of 9 messages were kept',
      _webSocketMessages: [{ type: 'receive', opcode: 1, data: 'hi', time: 1_700_000_000.005 }]
    })
    expect(b).toMatchObject({ comment: 'the first 4 of 99 bytes of the response body were kept' })
  })

  it('leaves out what is no HTTP request, and tells one without an answer as browsers do', () => {
    const { entries } = parse([
      kept({ request: undefined }),
      kept({ response: undefined, end: { kind: 'aborted', by: 'local', code: 'NO_RESPONSE' } })
    ]).log
    expect(entries).toHaveLength(1)
    expect(entries[0]).toMatchObject({ response: { status: 0, comment: 'aborted by local (NO_RESPONSE)' } })
  })

  it('reads back as the requests it was made of', () => {
    const { exchanges } = readHar(harText([secret], { mask: showAll }), 'x.har')
    expect(exchanges[0]?.request).toMatchObject({
      method: 'POST',
      target: '/up?a=1&b=%20x',
      host: 'shop.test',
      headers: secret.request?.headers
    })
    expect(exchanges[0]?.request?.body.bytes.toString()).toBe('{"a":"ü"}')
  })
})
