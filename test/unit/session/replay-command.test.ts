import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import type { KeptExchange, KeptRequest, KeptResponse } from '../../../src/capture/kept.ts'
import { type Again, type AgainRequest, replayCommand, type ReplayCommandOptions } from '../../../src/session/replay-command.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

const body = (text: string) => ({ bytes: Buffer.from(text), size: text.length, truncated: false })
const request: KeptRequest = {
  method: 'POST',
  target: '/cart',
  host: 'nginx.local',
  path: '/cart',
  version: '1.1',
  headers: [['Host', 'nginx.local']],
  trailers: [],
  body: body('{"a":1}')
}
const response = (status: number): KeptResponse => ({ status, reason: '', version: '1.1', headers: [], trailers: [], body: body('') })

const kept = (more: Partial<KeptExchange> = {}): KeptExchange => ({
  id: '118',
  target: 'nginx',
  kind: 'request',
  protocol: 'http/1.1',
  who: 'laptop',
  source: '203.0.113.9:50123',
  of: undefined,
  why: undefined,
  startedAt: 0,
  version: 1,
  request,
  response: response(500),
  messages: [],
  messageCount: { in: 0, out: 0 },
  hello: undefined,
  timings: {},
  bytesIn: 0,
  bytesOut: 0,
  unparsed: false,
  end: { kind: 'completed' },
  ...more
})

/** A session that remembers `exchanges`; what it sends is answered with `answer`. */
function world(exchanges: KeptExchange[], more: { answer?: number; options?: Partial<ReplayCommandOptions> } = {}) {
  const log = new Map(exchanges.map(each => [each.id, each]))
  const sent: { request: AgainRequest; again: Again }[] = []
  const events: unknown[] = []
  const dial = () => Promise.reject(new Error('not dialled here'))
  const run = replayCommand({
    log: { get: id => log.get(id) },
    clock: fakeClock(),
    emit: (type, event, about) => events.push({ type, ...event, ...about }),
    signal: new AbortController().signal,
    nextId: () => '119',
    locals: () => [{ name: 'nginx', address: 'localhost:8080', dial }],
    replayable: ({ request: found }, name) => {
      if (found === undefined) throw new InterceptError('BAD_USAGE', `${name} is no request`)
      return { ...found, body: found.body.bytes }
    },
    requestFromText: (text, { method, headers }) => ({ method, target: text, headers, body: Buffer.alloc(0) }),
    sendAgain: (again, options) => {
      sent.push({ request: again, again: options })
      const answer = more.answer === undefined ? {} : { response: response(more.answer) }
      log.set(options.id, { ...kept({ response: undefined }), id: options.id, who: 'replay', of: options.of, ...answer })
      return Promise.resolve()
    },
    compare: (before, after) => ({
      equal: before.status === after.status,
      headers: [],
      ...(before.status === after.status ? {} : { status: `${before.status} → ${after.status}` })
    }),
    ...more.options
  })
  return { run, sent, events, dial }
}

describe('replay', () => {
  it('sends a remembered request to the local app of its target, and compares the answers', async () => {
    const { run, sent, events, dial } = world([kept()], { answer: 200 })
    const compared = { id: '119', of: '118', equal: false, headers: [], status: '500 → 200' }
    expect(await run({ id: '118' })).toEqual(compared)
    expect(sent).toMatchObject([{ request: { method: 'POST', target: '/cart' }, again: { id: '119', of: '118', target: 'nginx' } }])
    expect(sent[0]?.again).toMatchObject({ dial, address: 'localhost:8080' })
    expect(events).toEqual([{ type: 'exchange.compared', kind: 'replay', target: 'nginx', ...compared }])
  })

  it('sends what was edited, and still only to the local app', async () => {
    const { run, sent, dial } = world([kept()], { answer: 500 })
    expect(await run({ id: '118', text: 'http://elsewhere/' })).toMatchObject({ equal: true })
    expect(sent).toMatchObject([{ request: { target: 'http://elsewhere/' }, again: { dial } }])
  })

  it('compares nothing where there is nothing to compare', async () => {
    const unanswered = world([kept()])
    expect(await unanswered.run({ id: '118' })).toEqual({ id: '119', of: '118' })
    expect(unanswered.events).toEqual([])
    const first = world([kept({ response: undefined })], { answer: 200 })
    expect(await first.run({ id: '118' })).toEqual({ id: '119', of: '118' })
    expect(first.events).toEqual([])
  })

  it.each([
    [{}, 'BAD_USAGE', /needs the id/],
    [{ id: 7 }, 'BAD_USAGE', /needs the id/],
    [{ id: '\u001b[31m' }, 'BAD_USAGE', /^exchange #[^\u001b]*$/],
    [{ id: '118', text: 7 }, 'BAD_USAGE', /must be an HTTP message/],
    [{ id: '7' }, 'NO_SESSION', /not intercepted any more/],
    [{ id: '8' }, 'BAD_USAGE', /#8 is no request/],
    [{ id: '8', text: 'GET /' }, 'BAD_USAGE', /#8 is no request/]
  ] as const)('sends nothing for %j', async (args, code, message) => {
    const { run, sent } = world([kept(), kept({ id: '7', target: 'gone' }), kept({ id: '8', request: undefined })])
    await expect(run(args)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    expect(sent).toEqual([])
  })

  it('passes on that nobody accepts at the local port', async () => {
    const refused = new InterceptError('LOCAL_UNREACHABLE', 'nothing answers at localhost:8080')
    const { run, events } = world([kept()], { options: { sendAgain: () => Promise.reject(refused) } })
    await expect(run({ id: '118' })).rejects.toBe(refused)
    expect(events).toEqual([])
  })
})
