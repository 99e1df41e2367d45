/** Visitors who arrive whatever happens, each on a connection of its own, and what they met while something broke. */
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { expect } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { type Arrivals, arrivals, failed, type Visit } from '../harness/visitors.ts'
import { who, type World } from './world.ts'

export const FULL = process.env['E2E_FULL'] === '1'
/** 200 with E2E_FULL=1, on a machine that has little else to do: there Traefik, the servers and the visitors share its cores. */
export const RATE = FULL ? 200 : 50

export interface Load extends Arrivals {
  /** Resolves once so many more milliseconds of it have passed. */
  more(ms: number): Promise<void>
  /** Ends it, prints what it met and what the machine had to spare, and returns all visits. */
  end(what: string): Promise<Visit[]>
}

export function loadOn({ visitor }: Pick<World, 'visitor'>, timeoutMs = 20_000): Load {
  const load = arrivals({ ...visitor, rate: RATE, maxVisits: 100_000, timeoutMs })
  const before = { cpu: process.cpuUsage(), machine: machine() }
  return {
    get visits() {
      return load.visits
    },
    get atMs() {
      return load.atMs
    },
    stop: () => load.stop(),
    more(ms) {
      const untilMs = load.atMs + ms
      return eventually(() => expect(load.atMs).toBeGreaterThan(untilMs), { timeoutMs: ms + 10_000, intervalMs: 10 })
    },
    async end(what) {
      const seconds = load.atMs / 1_000
      const visits = await load.stop()
      const { user, system } = process.cpuUsage(before.cpu)
      const now = machine()
      const idle = (now.idle - before.machine.idle) / (now.all - before.machine.all)
      console.info(
        `${what}: ${failed(visits).length} of ${visits.length} requests failed; slowest ${slowest(visits).toFixed(1)} s`,
        JSON.stringify(kinds(failed(visits))),
        `(these visitors took ${((user + system) / 10_000 / seconds).toFixed(0)} % of a core, the machine was idle for ${(idle * 100).toFixed(0)} %, load average ${loadavg()[0]?.toFixed(1)})`
      )
      return visits
    }
  }
}

export const slowest = (visits: readonly Visit[]): number => visits.reduce((most, { ms }) => Math.max(most, ms), 0) / 1_000

/** From then on until the last one who had waited for a second, or was not answered by a pod, knew it. */
export function backAfterS(visits: readonly Visit[], sinceMs: number): number {
  const wrong = visits.filter(visit => visit.atMs > sinceMs && (who(visit) !== 'pod' || visit.ms > 1_000))
  return wrong.reduce((last, { atMs, ms }) => Math.max(last, atMs + ms - sinceMs), 0) / 1_000
}

/** How many of each kind, and when. */
export function kinds(visits: readonly Visit[]): Record<string, string> {
  const found = Map.groupBy(visits, ({ status, error, body }) => `${status} ${error ?? body.trim()}`)
  const seconds = (ms: number): string => (ms / 1_000).toFixed(1)
  return Object.fromEntries(
    [...found].map(([kind, of]) => {
      const times = of.map(({ atMs }) => atMs)
      return [kind, `${of.length}, at ${seconds(Math.min(...times))} to ${seconds(Math.max(...times))} s`]
    })
  )
}

/** Jiffies of all cores. */
function machine(): { idle: number; all: number } {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const [, ...fields] = line.trim().split(/ +/)
  const jiffies = fields.map(Number)
  return { idle: (jiffies[3] ?? 0) + (jiffies[4] ?? 0), all: jiffies.reduce((sum, each) => sum + each, 0) }
}
