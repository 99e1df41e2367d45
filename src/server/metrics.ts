/**
 * What Prometheus gets, in the names of prom-client. Nothing is counted here: the numbers are those of `tally.ts` and `Counters`, read when somebody
 * asks. Tunnels and connectors by the first eight digits of their ids, since a whole tunnel id is a secret.
 */
import { collectDefaultMetrics, Counter, Gauge, type Metric, type MetricValueWithName, Registry } from 'prom-client'
import type { RunningServer, ServerStats } from './run-server.ts'
import type { Sidecar } from './sidecar.ts'
import { LATENCY_BOUNDS_MS, type Latency, type Tally } from './tally.ts'

export interface Measured {
  servers: readonly Pick<RunningServer, 'stats' | 'tallies'>[]
  sidecars: readonly Pick<Sidecar, 'streams' | 'bound'>[]
}

const CONDITIONS = ['live', 'suspect', 'draining', 'pending'] as const
const short = (id: string): string => id.slice(0, 8)
const labelsOf = ({ tunnelId, connectorId }: Tally): { tunnel: string; connector: string } => ({
  tunnel: short(tunnelId),
  connector: short(connectorId)
})

export class Metrics {
  readonly #registry = new Registry()
  readonly #measured: Measured
  #stats: ServerStats[] = []
  #tallies: Tally[] = []

  constructor(measured: Measured) {
    this.#measured = measured
    collectDefaultMetrics({ register: this.#registry })
    if (measured.servers.length > 0) this.#server()
    if (measured.sidecars.length > 0) this.#sidecar()
  }

  /** One moment for all numbers; connectors that ended since are told for the last time. */
  async read(): Promise<{ type: string; text: string }> {
    this.#stats = this.#measured.servers.map(server => server.stats())
    this.#tallies = this.#measured.servers.flatMap(server => server.tallies())
    return { type: this.#registry.contentType, text: await this.#registry.metrics() }
  }

  #server(): void {
    this.#tallied('intercept_responses_total', 'Answers of apps by tunnel, connector and status class', 'code', (tally, add) => {
      for (const [at, count] of tally.classes.entries()) if (count > 0) add(`${at}xx`, count)
    })
    this.#tallied('intercept_streams_opened_total', 'Streams opened to connectors', undefined, (tally, add) => add('', tally.streams))
    this.#tallied('intercept_heartbeats_missed_total', 'Beats of our own connectors without an answer in time', undefined, (tally, add) =>
      add('', tally.missedBeats)
    )
    this.#summed('intercept_visitors_total', 'Connections of visitors accepted', stats => stats.visitors)
    this.#summed('intercept_requests_total', 'HTTP requests with a complete head', stats => stats.requests)
    this.#summed('intercept_retries_total', 'Requests given to another connector after the first', stats => stats.retried)
    this.#summed('intercept_waited_total', 'Requests and streams that waited for a connector that was cut off', stats => stats.waited)
    this.#summed('intercept_aborted_total', 'Visitors that left before their answer was complete', stats => stats.aborted)
    this.#summed('intercept_binds_total', 'Connectors bound', stats => stats.binds)
    this.#labelled('intercept_visitor_bytes_total', 'Bytes from (in) and to (out) visitors', 'direction', stats => ({
      in: stats.bytesIn,
      out: stats.bytesOut
    }))
    this.#labelled('intercept_refusals_total', 'Answers of the server itself, by their reason', 'why', stats => stats.refusals)
    this.#gauge('intercept_visitors', 'Visitors connected', stats => stats.visitorsOpen)
    this.#gauge('intercept_active', 'Requests and streams in progress', stats => stats.active)
    this.#gauge('intercept_tunnels_unserved', 'Tunnels of the rules without a connector', stats => stats.unserved.length)
    this.#connectors()
    this.#registry.registerMetric(latencyMetric(() => this.#tallies))
  }

  #connectors(): void {
    const each = (name: string, help: string, value: (connector: ServerStats['connectors'][number]) => number): void => {
      const all = (): ServerStats['connectors'] => this.#stats.flatMap(stats => stats.connectors)
      const gauge = new Gauge({
        name,
        help,
        labelNames: ['tunnel', 'connector'],
        registers: [this.#registry],
        collect() {
          gauge.reset()
          for (const one of all()) gauge.set({ tunnel: short(one.tunnelId), connector: short(one.id) }, value(one))
        }
      })
    }
    each('intercept_streams', 'Streams open', ({ active }) => active)
    each('intercept_streams_stalled', 'Streams with data that wait for room at the connector', ({ starvedStreams }) => starvedStreams)
    each('intercept_queued_bytes', 'Bytes that wait for the connection of the connector', ({ queuedBytes }) => queuedBytes)
    each('intercept_connector_silence_seconds', 'Since the last byte of the connector', ({ silentMs }) => silentMs / 1_000)
    const connectors = (): ServerStats['connectors'] => this.#stats.flatMap(stats => stats.connectors)
    const gauge = new Gauge({
      name: 'intercept_connectors',
      help: 'Connectors by condition and kind',
      labelNames: ['condition', 'peer'],
      registers: [this.#registry],
      collect() {
        for (const condition of CONDITIONS)
          for (const peer of ['ours', 'gost'])
            gauge.set({ condition, peer }, connectors().filter(one => one.condition === condition && one.peer === peer).length)
      }
    })
  }

  #sidecar(): void {
    const { sidecars } = this.#measured
    const streams = new Counter({
      name: 'intercept_sidecar_streams_total',
      help: 'Streams taken for the app',
      registers: [this.#registry],
      collect() {
        streams.reset()
        streams.inc(sidecars.reduce((sum, sidecar) => sum + sidecar.streams, 0))
      }
    })
    const registered = new Gauge({
      name: 'intercept_sidecar_registered',
      help: 'Registrations that hold now',
      registers: [this.#registry],
      collect() {
        registered.set(sidecars.reduce((sum, { bound }) => sum + bound, 0))
      }
    })
  }

  #tallied(
    name: string,
    help: string,
    label: string | undefined,
    read: (tally: Tally, add: (value: string, count: number) => void) => void
  ): void {
    const tallies = (): Tally[] => this.#tallies
    const counter = new Counter({
      name,
      help,
      labelNames: ['tunnel', 'connector', ...(label === undefined ? [] : [label])],
      registers: [this.#registry],
      collect() {
        counter.reset()
        for (const tally of tallies())
          read(tally, (value, count) => counter.inc({ ...labelsOf(tally), ...(label === undefined ? {} : { [label]: value }) }, count))
      }
    })
  }

  #labelled(name: string, help: string, label: string, read: (stats: ServerStats) => Readonly<Record<string, number>>): void {
    const all = (): ServerStats[] => this.#stats
    const counter = new Counter({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        counter.reset()
        for (const stats of all()) for (const [value, count] of Object.entries(read(stats))) counter.inc({ [label]: value }, count)
      }
    })
  }

  #summed(name: string, help: string, read: (stats: ServerStats) => number): void {
    const all = (): ServerStats[] => this.#stats
    const counter = new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        counter.reset()
        counter.inc(all().reduce((sum, stats) => sum + read(stats), 0))
      }
    })
  }

  #gauge(name: string, help: string, read: (stats: ServerStats) => number): void {
    const all = (): ServerStats[] => this.#stats
    const gauge = new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        gauge.set(all().reduce((sum, stats) => sum + read(stats), 0))
      }
    })
  }
}

/** A histogram whose buckets were counted elsewhere: prom-client asks a metric for nothing but its values, and has no way to set those of its own. */
function latencyMetric(tallies: () => readonly Tally[]): Metric {
  const name = 'intercept_response_seconds'
  const valuesOf = (tunnel: string, { counts, sumMs }: Latency): MetricValueWithName<string>[] => {
    let count = 0
    const buckets = [...counts].map((inBucket, at): MetricValueWithName<string> => {
      count += inBucket
      const bound = LATENCY_BOUNDS_MS[at]
      return { metricName: `${name}_bucket`, labels: { tunnel, le: bound === undefined ? '+Inf' : bound / 1_000 }, value: count }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: { tunnel }, value: sumMs / 1_000 },
      { metricName: `${name}_count`, labels: { tunnel }, value: count }
    ]
  }
  const histogram = {
    name,
    get: async () => ({
      name,
      help: 'From the request at the connector to the head of its answer, by tunnel',
      type: 'histogram',
      aggregator: 'sum',
      values: [...new Map(tallies().map(({ tunnelId, latency }) => [tunnelId, latency]))].flatMap(([id, latency]) =>
        valuesOf(short(id), latency)
      )
    })
  }
  return histogram as unknown as Metric
}
