/** Visitors of the entrypoint: a few browsers with kept-alive connections, each asking again and again, everything counted. */
import http from 'node:http'
import { type Clock, sleep } from '../base/clock.ts'
import type { Closable } from '../base/closable.ts'
import { asError, isAbort } from '../base/errors.ts'
import { HOST, type Who } from './world.ts'

/** What was seen since the last `take`. */
export interface Sample {
  cluster: number
  laptop: number
  /** No answer, or another status than 200. */
  failed: number
  latencies: number[]
}

export interface Visitors extends Closable {
  /** What was counted so far in this window; live. */
  readonly window: Readonly<Sample>
  /** Begins a new window and returns the last one. Answers count in the window in which their request was sent. */
  take(): Sample
  /** The first failure, in words. */
  readonly failure: string | undefined
}

export interface VisitorsOptions {
  port: number
  clock: Clock
  count?: number
  thinkMs?: number
}

const TIMEOUT_MS = 20_000

export function sendVisitors({ port, clock, count = 6, thinkMs = 35 }: VisitorsOptions): Visitors {
  const agent = new http.Agent({ keepAlive: true, maxSockets: count })
  const stop = new AbortController()
  let window = emptySample()
  let failure: string | undefined
  const visit = async (): Promise<void> => {
    const mine = window
    const started = clock.now()
    try {
      const who = await ask(port, agent)
      mine[who] += 1
      mine.latencies.push(clock.now() - started)
    } catch (error) {
      mine.failed += 1
      failure ??= asError(error).message
    }
  }
  const loop = async (offset: number): Promise<void> => {
    try {
      await sleep(clock, (thinkMs * offset) / count, stop.signal)
      for (;;) {
        await visit()
        await sleep(clock, thinkMs, stop.signal)
      }
    } catch (error) {
      if (!isAbort(error)) throw error
    }
  }
  const loops = Array.from({ length: count }, (_, offset) => loop(offset))
  return {
    get window() {
      return window
    },
    get failure() {
      return failure
    },
    take() {
      const taken = window
      window = emptySample()
      return taken
    },
    async close() {
      stop.abort()
      await Promise.all(loops)
      agent.destroy()
    }
  }
}

export const emptySample = (): Sample => ({ cluster: 0, laptop: 0, failed: 0, latencies: [] })
export const answered = ({ cluster, laptop }: Sample): number => cluster + laptop

export function addSample(to: Sample, from: Sample): void {
  to.cluster += from.cluster
  to.laptop += from.laptop
  to.failed += from.failed
  to.latencies.push(...from.latencies)
}

export function percentile(latencies: readonly number[], part: number): number | undefined {
  const sorted = [...latencies].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
}

/** One request; who answered it. Rejects on anything but a 200 of one of the two. */
function ask(port: number, agent: http.Agent): Promise<Who> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, agent, headers: { host: HOST }, timeout: TIMEOUT_MS }, response => {
      const who = response.headers['x-served-by']
      response.resume()
      response.once('error', reject)
      response.once('end', () => {
        if (response.statusCode === 200 && (who === 'cluster' || who === 'laptop')) resolve(who)
        else
          reject(
            new Error(`a visitor got ${response.statusCode} (${String(response.headers['x-intercept-error'] ?? 'from nobody we know')})`)
          )
      })
    })
    request.once('timeout', () => request.destroy(new Error(`a visitor got no answer within ${TIMEOUT_MS / 1000} s`)))
    request.once('error', reject)
  })
}
