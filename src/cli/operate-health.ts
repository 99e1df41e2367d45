/** The health port of one process, over all servers and sidecars in it. Loaded only where it is wanted: prom-client comes with it. */
import { errnoOf, InterceptError } from '../base/errors.ts'
import { type Health, startHealth } from '../server/health.ts'
import { Metrics } from '../server/metrics.ts'
import { readiness, type Readiness } from '../server/readiness.ts'
import type { RunningServer } from '../server/run-server.ts'
import type { Sidecar } from '../server/sidecar.ts'
import type { Clock } from '../base/clock.ts'
import type { Voice } from './operate-log.ts'
import type { OperateSettings } from './operate-settings.ts'

export interface Operated {
  servers: readonly RunningServer[]
  sidecars: readonly Sidecar[]
}

export interface OpenHealth extends Health, Pick<Readiness, 'end'> {}

/** Undefined when the port of the image is in use by something else. Throws LOCAL_UNREACHABLE for one that was asked for. */
export async function openHealth(
  { servers, sidecars }: Operated,
  { at, asked }: NonNullable<OperateSettings['health']>,
  { clock, warn }: { clock: Clock } & Pick<Voice, 'warn'>
): Promise<OpenHealth | undefined> {
  const ready = readiness(
    () => [
      ...servers.flatMap(server => server.stats().unserved.map(id => `tunnel ${id.slice(0, 8)}…`)),
      ...sidecars.filter(({ bound }) => bound === 0).map(() => 'the tunnel server')
    ],
    clock
  )
  const metrics = new Metrics({ servers, sidecars })
  try {
    const health = await startHealth({ ...at, unready: () => ready.unready(), metrics: () => metrics.read() })
    return { port: health.port, close: health.close, end: () => ready.end() }
  } catch (error) {
    const code = errnoOf(error)
    if (code === undefined) throw error
    if (!asked) {
      warn(`no health port: ${at.port} cannot be used (${code})`)
      return undefined
    }
    throw new InterceptError('LOCAL_UNREACHABLE', `the health port ${at.port} cannot be used (${code})`, {
      hint: 'choose another one: --health :9091, or none: --health off',
      cause: error
    })
  }
}
