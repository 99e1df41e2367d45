/** What is made of a stranger's message says the same as the message, or it is refused: whoever reads it behind us must not see another one. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InterceptError, ProtocolError } from '../../../src/base/errors.ts'
import { header } from '../../../src/http/header.ts'
import { parseFilter } from '../../../src/filter/filter.ts'
import { subjectOf } from '../../../src/filter/subject.ts'
import { planHttp2Request } from '../../../src/server/http2-request.ts'
import { type PlannedRequest, planRequest, RequestRefused } from '../../../src/server/request-plan.ts'
import { planResponse } from '../../../src/server/response-plan.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 500)
const timeout = Math.max(20_000, numRuns * 20)

const odd = fc.string({
  unit: fc.constantFrom(
    'a',
    '0',
    '5',
    ',',
    ' ',
    '\t',
    '\r',
    '\n',
    ':',
    ';',
    '"',
    '/',
    '@',
    '\0',
    '\x0b',
    '\x7f',
    '\xa0',
    '\xff',
    'chunked'
  ),
  maxLength: 6
})
const name = fc.oneof(
  fc.constantFrom(
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    'Upgrade',
    'TE',
    'Trailer',
    'Expect',
    'X-A',
    'content_length'
  ),
  odd
)
const value = fc.oneof(
  fc.constantFrom('a.b', '0', '3', '3, 3', 'chunked', 'close', 'keep-alive, X-A', 'upgrade', 'websocket', 'content-length', '\xa03', ''),
  odd
)
const fields = fc.array(fc.tuple(name, value), { maxLength: 4 })
const lines = (start: string, pairs: readonly (readonly [string, string])[]): Buffer =>
  Buffer.from(`${start}\r\n${pairs.map(([key, text]) => `${key}: ${text}\r\n`).join('')}\r\n`, 'latin1')

/** Undefined: refused, as it must be where it is in doubt. */
function planned(raw: Buffer): PlannedRequest | undefined {
  try {
    return planRequest(raw)
  } catch (error) {
    if (error instanceof RequestRefused) return undefined
    throw error
  }
}

describe('a request', () => {
  const method = fc.oneof({ weight: 5, arbitrary: fc.constantFrom('GET', 'POST', 'OPTIONS', 'CONNECT') }, odd)
  const target = fc.oneof({ weight: 5, arbitrary: fc.constantFrom('/', '/a?b', '*', 'http://a.b/c', 'http://a.b') }, odd)
  const authority = fc.oneof({ weight: 5, arbitrary: fc.constantFrom('a.b', 'a.b:80') }, value)

  it('is forwarded as the same message, or refused', { timeout }, () => {
    let passed = 0
    fc.assert(
      fc.property(method, target, fc.constantFrom('1.0', '1.1'), fields, fc.boolean(), (verb, path, version, pairs, keeps) => {
        const plan = planned(lines(`${verb} ${path} HTTP/${version}`, [['Host', 'a.b'], ...pairs]))
        if (plan === undefined) return
        passed += 1
        const again = planned(plan.forward(keeps))
        expect(again).toMatchObject({ host: plan.host, target: plan.target, framing: plan.framing, upgrade: plan.upgrade })
        expect(again?.head.method).toBe(plan.head.method)
        // No white space but blanks stands around the one length that is left.
        expect(header(again?.head ?? { headers: [] }, 'content-length') ?? '0').toMatch(/^\d+$/)
      }),
      { numRuns }
    )
    expect(passed).toBeGreaterThan(numRuns / 50)
  })

  it('of HTTP/2 is the same one in HTTP/1.1, or refused', { timeout }, () => {
    let passed = 0
    const pseudo = fc.array(
      fc.tuple(fc.constantFrom(':method', ':path', ':authority', ':scheme', ':protocol', ':odd'), fc.oneof(target, method)),
      { maxLength: 1 }
    )
    fc.assert(
      fc.property(method, target, authority, fields, pseudo, fc.boolean(), (verb, path, host, pairs, more, ended) => {
        const raw = [
          [':method', verb],
          [':scheme', 'http'],
          [':path', path],
          [':authority', host],
          ...more,
          ...pairs.map(([key, text]) => [key.toLowerCase(), text])
        ]
        try {
          const request = planHttp2Request({ raw: raw.flat(), ended })
          const plan = planned(request.head)
          if (plan === undefined) return
          passed += 1
          expect(plan).toMatchObject({ host: request.authority, target: request.path, upgrade: request.webSocket })
          expect(plan.head.method).toBe(request.webSocket ? 'GET' : request.method)
          if (request.ended && !request.chunked) expect(plan.framing.kind).not.toBe('chunked')
          if (request.chunked) expect(plan.framing).toEqual({ kind: 'chunked' })
        } catch (error) {
          if (!(error instanceof RequestRefused)) throw error
        }
      }),
      { numRuns }
    )
    expect(passed).toBeGreaterThan(numRuns / 50)
  })
})

it('an answer is passed on as the same message, or refused', { timeout }, () => {
  const request = planRequest(Buffer.from('GET / HTTP/1.1\r\nHost: a.b\r\n\r\n'))
  fc.assert(
    fc.property(
      fc.constantFrom('1.0', '1.1'),
      fc.constantFrom(200, 204, 304, 404),
      fields,
      fc.boolean(),
      (version, status, pairs, keep) => {
        try {
          const plan = planResponse(lines(`HTTP/${version} ${status} X`, pairs), request, keep)
          const again = planResponse(plan.forward, request, keep)
          expect(again).toMatchObject({ status: plan.status, framing: plan.framing, keepAlive: plan.keepAlive })
          expect(plan.forward.toString('latin1').match(/\r\ncontent-length:/gi)?.length ?? 0).toBeLessThanOrEqual(1)
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error
        }
      }
    ),
    { numRuns }
  )
})

it('the filter of a connector is read and asked, or refused in words', { timeout }, () => {
  const term = fc.constantFrom(
    'path:/a*',
    'method:GET',
    'header.x-user:ada',
    'path~^/(a*)*$',
    'host:"b"',
    'path~"((a{30}){30}){30}"',
    'path~[a'
  )
  const part = fc.oneof(
    { weight: 3, arbitrary: term },
    fc.constantFrom('(', ')', 'and', 'or', 'not', '"', '~', ':', '\\'),
    fc.string({ unit: 'binary', maxLength: 5 })
  )
  const request = { method: 'GET', path: `/${'a'.repeat(200)}!`, host: 'b', headers: [['X-User', 'ada'] as const] }
  const subject = subjectOf({ request, source: '10.0.0.1:1' })
  let read = 0
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), parts => {
      try {
        expect(parseFilter(parts.join(' ')).matches(subject)).toBeTypeOf('boolean')
        read += 1
      } catch (error) {
        expect(error).toBeInstanceOf(InterceptError)
      }
    }),
    { numRuns }
  )
  expect(read).toBeGreaterThan(numRuns / 50)
})
