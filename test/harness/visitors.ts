/** Visitors of an entrypoint: a counted crowd, or an open-loop stream of arrivals (Poisson, a new connection each, like strangers on the net). */
import http from 'node:http'
import { seeded } from './feed.ts'

export interface VisitOptions {
  host: string
  port: number
  /** Host header. */
  name: string
  path?: string
  method?: string
  timeoutMs?: number
  headers?: Record<string, string>
  /** Keeps connections; without it each request has a connection of its own. */
  agent?: http.Agent
}

export interface Visit {
  /** 0: no answer at all. */
  status: number
  body: string
  ms: number
  /** Milliseconds after the start of the run at which it was sent. */
  atMs: number
  error: string | undefined
  path: string
}

/** One request on a connection of its own. Never rejects. */
export function visit(options: VisitOptions, atMs = 0): Promise<Visit> {
  const { host, port, name, path = '/', method = 'GET', timeoutMs = 20_000, agent = false } = options
  const started = performance.now()
  return new Promise(resolve => {
    let status = 0
    let body = ''
    const done = (error: string | undefined): void => {
      clearTimeout(timer)
      resolve({ status, body, ms: performance.now() - started, atMs, error, path })
    }
    const request = http.request({ host, port, path, method, agent, headers: { Host: name, ...options.headers } }, response => {
      status = response.statusCode ?? 0
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        if (body.length < 4_096) body += chunk
      })
      response.on('end', () => done(response.complete ? undefined : 'cut short'))
      response.on('error', error => done(error.message))
    })
    const timer = setTimeout(() => request.destroy(new Error('visitor gave up')), timeoutMs)
    request.on('error', error => done(error.message))
    request.end()
  })
}

/** So many visits, so many at a time. */
export async function crowd(options: VisitOptions & { count: number; parallel?: number }): Promise<Visit[]> {
  const { count, parallel = 16 } = options
  const visits: Visit[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: Math.min(parallel, count) }, async () => {
      while (next < count) {
        next += 1
        visits.push(await visit(options))
      }
    })
  )
  return visits
}

export interface Arrivals {
  /** Stops new arrivals and resolves with all visits once the last one ended. */
  stop(): Promise<Visit[]>
  /** What has ended so far. */
  readonly visits: readonly Visit[]
  /** Milliseconds since the start of the run. */
  readonly atMs: number
}

/** Arrivals at `rate` a second that do not wait for each other, at most `maxVisits`; `numbered` gives each a path of its own. */
export function arrivals(options: VisitOptions & { rate: number; seed?: number; maxVisits?: number; numbered?: boolean }): Arrivals {
  const { rate, seed = 1, maxVisits = 60_000, numbered = false } = options
  const random = seeded(seed)
  const started = performance.now()
  const running = new Set<Promise<void>>()
  const visits: Visit[] = []
  let stopped = false
  let dueMs = 0
  let sent = 0
  let timer: NodeJS.Timeout | undefined
  const arrive = (): void => {
    // Several may be due at once: a late timer must not thin the load.
    if (stopped) return
    while (sent < maxVisits && dueMs <= performance.now() - started) {
      sent += 1
      const one = visit(numbered ? { ...options, path: `/${sent}` } : options, performance.now() - started).then(result => {
        visits.push(result)
        running.delete(one)
      })
      running.add(one)
      dueMs += (-Math.log(1 - random()) / rate) * 1_000
    }
    if (sent < maxVisits) timer = setTimeout(arrive, Math.max(0, dueMs - (performance.now() - started)))
  }
  arrive()
  return {
    visits,
    get atMs() {
      return performance.now() - started
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await Promise.all(running)
      return visits
    }
  }
}

/** How many visits fell into each class of `key`. */
export function tally(visits: readonly Visit[], key: (visit: Visit) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const each of visits) counts[key(each)] = (counts[key(each)] ?? 0) + 1
  return counts
}

export const failed = (visits: readonly Visit[]): Visit[] =>
  visits.filter(({ status, error }) => error !== undefined || status === 0 || status >= 500)
