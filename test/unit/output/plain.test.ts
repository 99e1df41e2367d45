import { describe, expect, it } from 'vitest'
import type { EventBody, EventType, SessionEvent } from '../../../src/event/types.ts'
import { plainOutput, type PlainOptions } from '../../../src/output/plain.ts'
import { bodyOf, eventOf, SAMPLES, sampleOf } from '../event/samples.ts'

class Terminal {
  text = ''
  writableLength = 0
  write(text: string): void {
    this.text += text
  }
}

function play(events: readonly SessionEvent[], options: Partial<PlainOptions> = {}): string {
  const out = new Terminal()
  const plain = plainOutput({ out, color: false, columns: undefined, time: at => at.slice(11, 19), ...options })
  for (const event of events) plain.event(event)
  return out.text
}

const about = <T extends EventType>(type: T, body: EventBody<T>, target = 'nginx') => eventOf(type, body, { target })
const state = (to: EventBody<'target.state'>['to'], serving: EventBody<'target.state'>['serving'], detail?: string) =>
  about('target.state', { from: 'connecting', to, cause: 'c', serving, ...(detail === undefined ? {} : { detail }) })

/** The events of one request. */
function request(
  id: string,
  over: {
    path?: string
    status?: number
    who?: 'laptop' | 'returned' | 'mirror'
    target?: string
    start?: Partial<EventBody<'exchange.started'>>
  } = {}
): SessionEvent[] {
  const { path = '/', status = 200, who = 'laptop', target = 'nginx', start } = over
  const why = who === 'returned' ? { why: 'local-down' as const } : {}
  return [
    about('exchange.started', { id, kind: 'request', protocol: 'http/1.1', who, source: '203.0.113.9', ...why, ...start }, target),
    about('exchange.request', { id, method: 'GET', host: 'nginx.local', path, httpVersion: '1.1', headers: [], masked: [] }, target),
    about('exchange.response', { id, status, headers: [], ttfbMs: 3 }, target),
    about('exchange.completed', { id, status, bytesIn: 100, bytesOut: 1_234, timings: { totalMs: 4 } }, target)
  ]
}

describe('plainOutput', () => {
  it('leaves a failure at the start to the error, and says what leaving at once means', () => {
    const failed = (from: EventBody<'target.state'>['from']) =>
      play([about('target.state', { from, to: 'failed', cause: 'closed', serving: 'cluster' })])
    expect(['resolving', 'waiting', 'connecting'].map(from => failed(from as 'waiting'))).toEqual(['', '', ''])
    expect(failed('draining')).toBe('12:04:31  nginx  left at once; not checked whether the cluster serves\n')
    expect(failed('verified')).toBe('12:04:31  nginx  failed (closed)\n')
  })

  it('names another laptop that answered, and calls nothing copied of which no copy is known', () => {
    expect(play(request('1', { start: { who: 'other', answeredBy: 'bob@two', why: 'filter' } }))).toMatch(/ other +GET .* \(bob@two\)\n$/)
    expect(play(request('1', { who: 'returned', start: { why: 'mirror' } }))).toMatch(/ returned +GET .* 4 ms\n$/)
    const summary = { ...bodyOf('session.ended').summary, other: 3 }
    const end = about('session.ended', { ...bodyOf('session.ended'), summary })
    expect(play([sampleOf('session.started'), sampleOf('plan.resolved'), state('verified', 'laptop'), end])).toContain(
      '3 passed on to other laptops'
    )
  })

  it('tells a whole session', () => {
    const events = [
      sampleOf('session.started'),
      sampleOf('plan.resolved'),
      sampleOf('intercept.changed'),
      sampleOf('route.tried'),
      sampleOf('route.chosen'),
      state('connecting', 'cluster'),
      state('registered', 'laptop'),
      state('verified', 'laptop', '38 ms'),
      ...request('1', { path: '/api/cart/42' }),
      ...request('2', { status: 503 }),
      ...request('3', { who: 'returned' }),
      state('draining', 'laptop', '38 ms'),
      state('ended', 'cluster', 'nginx is served without this laptop (200 in 4 ms; 1 sidecar)'),
      sampleOf('session.ended')
    ]
    expect(play(events)).toBe(`nginx  deployment/nginx → localhost:8080
       tunnel 10bc451e… on proxy (gost), 1 sidecar of weight 1, app 80
       no Service nginx: using deployment/nginx
12:04:31  nginx  weight 255 (all visitors)
12:04:31  nginx  route port-forward to pod proxy-5f6b-k8k (not by ingress: answered 404)
12:04:31  nginx  registered · visitors reach this laptop
12:04:31  nginx  verified 38 ms
12:04:31  laptop    GET     nginx.local/api/cart/42                      200   1.2 kB     4 ms
12:04:31  laptop    GET     nginx.local/                                 503   1.2 kB     4 ms
12:04:31  returned  GET     nginx.local/                                 200   1.2 kB     4 ms  (local app down)
12:04:31  nginx  draining
1,204 requests in 13 min, 3 errors, 12 returned to the cluster, p50 4 ms, p95 21 ms
nginx is served without this laptop (200 in 4 ms; 1 sidecar)
`)
  })

  it.each([
    [state('waiting', 'cluster', 'for localhost:8080'), 'waiting for localhost:8080 · the cluster serves'],
    [state('waiting', 'cluster'), 'waiting (local port closed) · the cluster serves'],
    [state('partial', 'shared', '1/3 replicas'), 'partial 1/3 replicas · visitors are shared with the cluster'],
    [state('registered', 'laptop', 'share < 1 %, not hit'), 'registered (share < 1 %, not hit) · visitors reach this laptop'],
    [state('returning', 'cluster'), 'returning (local app down) · the cluster serves'],
    [state('paused', 'laptop', 'visitors get 503 at 15 s'), 'paused – visitors get 503 at 15 s · visitors reach this laptop'],
    [
      state('reconnecting', 'cluster', 'the cluster serves once the server notices (≤ 60 s)'),
      'reconnecting – the cluster serves once the server notices (≤ 60 s)'
    ]
  ])('says a state in its own words', (event, words) => {
    expect(play([event])).toContain(`12:04:31  nginx  ${words}`)
  })

  it('says who serves only when that changes', () => {
    const text = play([state('registered', 'laptop'), state('verified', 'laptop', '3 ms'), state('returning', 'cluster')])
    expect(text.match(/visitors reach this laptop/g)).toHaveLength(1)
    expect(text.match(/the cluster serves/g)).toHaveLength(1)
  })

  it('names the target of each exchange when there are several', () => {
    const other = about('plan.resolved', { ...bodyOf('plan.resolved'), workload: 'deployment/cart' }, 'cart')
    // Both number their exchanges on their own.
    const [a, b] = [request('1', { target: 'nginx' }), request('1', { target: 'cart', status: 404 })]
    const text = play([sampleOf('plan.resolved'), other, ...a.slice(0, 3), ...b, ...a.slice(3)])
    expect(text).toContain('12:04:31  cart   laptop    GET     nginx.local/')
    expect(text).toMatch(/nginx {2}laptop .* 200 /)
    expect(text).toMatch(/cart {3}laptop .* 404 /)
  })

  it('lets nothing from the network reach the terminal as a control sequence', () => {
    const evil = '\u001b]0;owned\u0007\r\n\u202egnp.exe'
    const events: SessionEvent[] = [
      ...request('1', { path: `/${evil}` }),
      state('registered', 'laptop', evil),
      about('notice', { level: 'warn', code: 'X', message: evil, hint: evil }),
      about('return.state', { pod: evil, ok: false, pooled: 0, cause: evil }),
      about('plan.resolved', { ...bodyOf('plan.resolved'), notes: [evil], workload: evil })
    ]
    const text = play(events)
    expect(text).toContain('\\x1b]0;owned\\x07\\x0d\\x0a\\u202egnp.exe')
    expect(text.replace(/\n/g, '')).not.toMatch(/[\u0000-\u001f\u202e]/)
  })

  it('fits exchanges into the columns of the terminal', () => {
    const lines = play(request('1', { path: `/${'long/'.repeat(50)}end` }), { columns: 80 })
      .trimEnd()
      .split('\n')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toHaveLength(79)
    expect(lines[0]).toContain('…')
    expect(lines[0]).toContain('/end')
  })

  it.each([80, 100, 140])('keeps the status of returned requests in its column, %i columns wide', columns => {
    const lines = play([...request('1'), ...request('2', { who: 'returned' })], { columns })
      .trimEnd()
      .split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[1]?.indexOf(' 200 ')).toBe(lines[0]?.indexOf(' 200 '))
    expect(lines[1]?.includes('(local app down)')).toBe(columns >= 100)
    expect(Math.max(...lines.map(line => line.length))).toBeLessThan(columns)
  })

  it('says in plain words that we left before the answer', () => {
    const [started, head] = request('1')
    const end = about('exchange.aborted', { id: '1', by: 'agent', code: 'LEFT', ms: 8, bytesIn: 9, bytesOut: 0 })
    expect(play([started, head, end].filter(event => event !== undefined))).toMatch(/8 ms {2}cut off, because you left\n$/)
  })

  it('says once in a terminal, and only there, how to end it', () => {
    const events = [state('connecting', 'cluster'), state('registered', 'laptop'), state('verified', 'laptop', '38 ms')]
    expect(play(events, { columns: 100 }).split('\n')[1]).toBe('Ctrl-C gives everything back')
    expect(play(events, { columns: 100 }).match(/Ctrl-C/g)).toHaveLength(1)
    expect(play(events)).not.toContain('Ctrl-C')
  })

  it('shows how an exchange broke off', () => {
    const [started, head] = request('1')
    const end = about('exchange.aborted', { id: '1', by: 'visitor', code: 'RESET', ms: 8, bytesIn: 9, bytesOut: 0 })
    expect(play([started, head, end].filter(event => event !== undefined))).toMatch(
      /nginx\.local\/ +– +0 B +8 ms {2}aborted by visitor \(RESET\)/
    )
  })

  it('is silent about proofs that hold, and about those that are tried again', () => {
    const probe = (attempt: number, ok: boolean) =>
      about('probe', { purpose: 'verify', proof: 'arrival', attempt, of: 3, ok, ms: 1, hop: 'pod x answered' })
    expect(play([probe(1, true), probe(1, false), probe(2, false)])).toBe('')
    expect(play([probe(3, false)])).toBe('12:04:31  nginx  arrival probe failed: pod x answered\n')
  })

  it('says once that a pod is not reached, until it is again', () => {
    const pod = (ok: boolean) => about('return.state', { pod: 'p', ok, pooled: 0, cause: 'ECONNREFUSED' })
    expect(play([pod(false), pod(false), pod(true), pod(false)]).match(/return path to pod p failed/g)).toHaveLength(2)
  })

  it('drops lines of exchanges, and says so, when the terminal stands still', () => {
    const out = new Terminal()
    const plain = plainOutput({ out, color: false, columns: undefined, time: () => 'T' })
    const all = (events: readonly SessionEvent[]) => {
      for (const event of events) plain.event(event)
    }
    out.writableLength = 2_000_000
    all([...request('1'), ...request('2')])
    expect(out.text).toBe('')
    out.writableLength = 0
    all(request('3'))
    expect(out.text).toMatch(/^… 2 lines left out: this terminal took them too slowly\nT {2}laptop/)
  })

  it('adds colour only where it is wanted', () => {
    expect(play(SAMPLES)).not.toContain('\u001b')
    expect(play(SAMPLES, { color: true })).toContain('\u001b[32mverified 38 ms\u001b[0m')
  })

  it('says of a copy how its answer compares, in one line', () => {
    const compare = (body: Partial<EventBody<'exchange.compared'>>) =>
      play([
        ...request('2', { who: 'mirror' }),
        about('exchange.compared', { id: '2', of: '1', kind: 'mirror', equal: false, headers: [], ...body })
      ])
    expect(play(request('2', { who: 'mirror' }))).toBe('')
    expect(compare({ equal: true })).toMatch(/mirror +GET +nginx\.local\/ +200 +1\.2 kB +4 ms {2}= same answer\n$/)
    expect(compare({ status: '200 → 500', headers: ['x-mode: a → b'], body: '1 line gone, 2 new' })).toMatch(
      / {2}≠ 200 → 500, x-mode, body: 1 line gone, 2 new\n$/
    )
  })

  it('says once why copies are not compared, and the sum at the end', () => {
    const dropped = (down: number, slow = 0) => about('mirror.dropped', { slow, large: 0, down, unanswered: 0 })
    const text = play([
      about('intercept.changed', { weight: 1, share: 0, shareSource: 'computed', thinning: 1, mirror: true, by: 'auto' }),
      state('verified', 'cluster', '– mirroring'),
      dropped(3),
      dropped(4),
      dropped(0, 1),
      eventOf('session.ended', {
        reason: 'signal',
        exitCode: 0,
        summary: { ...bodyOf('session.ended').summary, mirror: { compared: 12, different: 2, dropped: 8 } }
      })
    ])
    expect(text).toContain('copies only: the cluster answers every visitor')
    expect(text).toContain('verified – mirroring · the cluster serves')
    expect(text.match(/nothing listens at the local port/g)).toHaveLength(1)
    expect(text.match(/faster than they are taken/g)).toHaveLength(1)
    expect(text).toContain('12 answers compared: 10 equal, 2 different; 8 copies not compared')
  })

  it('says the words for shares', () => {
    const share = (body: Partial<EventBody<'intercept.changed'>>) =>
      play([about('intercept.changed', { weight: 85, share: 0.25, shareSource: 'computed', thinning: 1, by: 'auto', ...body })])
    expect(share({})).toContain('weight 85 = 25 % of the visitors (computed)')
    expect(share({ weight: 1, thinning: 0.5 })).toContain(
      'weight 1, thinned here: 25 % of all visitors stay, the rest goes back to the cluster (computed)'
    )
  })
})
