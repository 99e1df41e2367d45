/** The demo's interceptions: real sessions in front of a cluster that is played, and waiting for what they become. */
import { sleep } from '../base/clock.ts'
import { InterceptError } from '../base/errors.ts'
import { silent } from '../base/log.ts'
import { eventStream } from '../event/stream.ts'
import type { TargetState } from '../event/types.ts'
import { intercept, type Intercept } from '../session/intercept.ts'
import { demoPlan, demoSettings } from './demo-plan.ts'
import type { Narrator } from './narrator.ts'
import type { DemoOptions } from './options.ts'
import { standInCluster } from './stand-in-cluster.ts'
import type { World } from './world.ts'

export const STATE_TIMEOUT_MS = 10_000
export const POLL_MS = 10

export class DemoSessions {
  readonly #options: DemoOptions
  readonly #world: World
  readonly #narrator: Narrator
  readonly #running = new Set<Intercept>()
  #exchanges = 0

  constructor(options: DemoOptions, world: World, narrator: Narrator) {
    this.#options = options
    this.#world = world
    this.#narrator = narrator
  }

  async start(share: { split?: number }): Promise<Intercept> {
    const { clock, log = silent } = this.#options
    const events = eventStream('demo', clock)
    events.subscribe(event => this.#narrator.write(event))
    const started = intercept({
      plan: demoPlan(this.#world),
      local: { host: '127.0.0.1', port: this.#world.laptop.port },
      settings: demoSettings(this.#world, share),
      cluster: standInCluster(),
      clock,
      log,
      emit: events.emit,
      random: () => crypto.randomUUID().replaceAll('-', ''),
      user: 'demo',
      pid: 0,
      session: crypto.randomUUID(),
      nextId: () => String((this.#exchanges += 1))
    })
    this.#running.add(started)
    await started.start(this.#options.signal)
    return started
  }

  async end(running: Intercept): Promise<Awaited<ReturnType<Intercept['drain']>>> {
    const report = await running.drain(AbortSignal.timeout(STATE_TIMEOUT_MS))
    this.#running.delete(running)
    await running.close()
    return report
  }

  async until(running: Intercept, states: readonly TargetState[]): Promise<void> {
    const { clock } = this.#options
    const end = clock.now() + STATE_TIMEOUT_MS
    while (!states.includes(running.state)) {
      if (clock.now() > end)
        throw new InterceptError('TUNNEL_LOST', `the demo's session is ${running.state} instead of ${states.join(' or ')}`)
      await this.pause()
    }
  }

  /** As long as the story goes on `signal` ends it; with `keep` the end is part of the story. */
  async pause(): Promise<void> {
    const { clock, signal, keep = false } = this.#options
    if (keep && signal.aborted) await sleep(clock, POLL_MS)
    else await sleep(clock, POLL_MS, signal)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map(each => each.close()))
  }
}
