/**
 * `kubectl intercept demo`: the real server, sidecar and session in one process, with visitors that never stop, told as a story that checks itself.
 * Only Kubernetes is played (`stand-in-cluster.ts`).
 */
import type { Writable } from 'node:stream'
import { type Clock, sleep } from '../base/clock.ts'
import { EXIT, InterceptError } from '../base/errors.ts'
import { formatMs } from '../base/format.ts'
import { type Logger, silent } from '../base/log.ts'
import { eventStream } from '../event/stream.ts'
import type { TargetState } from '../event/types.ts'
import { intercept, type Intercept } from '../session/intercept.ts'
import { demoPlan, demoSettings } from './demo-plan.ts'
import { Narrator } from './narrator.ts'
import { chapterLine, intro, note, type Row, summary } from './screen.ts'
import { standInCluster } from './stand-in-cluster.ts'
import { type Chapter, type Chapters, CHAPTERS, judge } from './story.ts'
import { addSample, answered, emptySample, type Sample, sendVisitors, type Visitors } from './visitors.ts'
import { HOST, openWorld, type World } from './world.ts'

export interface DemoOptions {
  stdout: Writable & { readonly isTTY?: boolean }
  stderr: Writable
  clock: Clock
  /** Ends the demo early. */
  signal: AbortSignal
  /** Stay after the story, intercepting, until `signal`. */
  keep?: boolean
  color?: boolean
  /** `json`: the session's events, one per line, and the result as the last line. */
  output?: 'plain' | 'json'
  log?: Logger
  /** Other promises, and how fast the visitors ask: for tests. */
  chapters?: Chapters
  thinkMs?: number
}

const STATE_TIMEOUT_MS = 10_000
const POLL_MS = 10

/** 0 when every promise held, 1 when one did not, 130 when `signal` ended the story. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const world = await openWorld({ clock: options.clock, log: options.log ?? silent })
  const visitors = sendVisitors({
    port: world.server.entrypointPort,
    clock: options.clock,
    ...(options.thinkMs === undefined ? {} : { thinkMs: options.thinkMs })
  })
  const demo = new Demo(options, world, visitors)
  try {
    return await demo.run()
  } catch (error) {
    if (options.signal.aborted) return EXIT.SIGINT
    throw error
  } finally {
    await demo.close()
    await visitors.close()
    await world.close()
  }
}

class Demo {
  readonly #options: DemoOptions
  readonly #world: World
  readonly #visitors: Visitors
  readonly #narrator: Narrator
  readonly #rows: Row[] = []
  readonly #between: Sample = emptySample()
  readonly #running = new Set<Intercept>()
  readonly #chapters: Chapters
  readonly #startedAt: number

  constructor(options: DemoOptions, world: World, visitors: Visitors) {
    this.#options = options
    this.#world = world
    this.#visitors = visitors
    this.#narrator = new Narrator(options)
    this.#chapters = options.chapters ?? CHAPTERS
    this.#startedAt = options.clock.now()
  }

  async run(): Promise<number> {
    const { server, cluster, laptop } = this.#world
    const places = {
      entrypointPort: server.entrypointPort,
      tunnelPort: server.tunnelPort,
      clusterPort: cluster.port,
      laptopPort: laptop.port
    }
    for (const line of intro(this.#narrator.paint, places)) this.#narrator.say(line)
    await this.#chapter(this.#chapters.before)
    const half = await this.#split()
    const all = await this.#takeAll(half)
    await this.#stopApp(all)
    await this.#bringAppBack(all)
    if (this.#options.keep === true) await this.#stay()
    await this.#leave(all)
    return this.#conclude()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map(each => each.close()))
  }

  async #split(): Promise<Intercept> {
    this.#head(this.#chapters.split)
    const half = await this.#start({ split: 0.5 })
    await this.#until(half, ['registered', 'verified'])
    this.#narrator.say(note(this.#narrator.paint, 'registered beside the sidecar: weight 1 of 2'))
    await this.#count(this.#chapters.split)
    return half
  }

  async #takeAll(half: Intercept): Promise<Intercept> {
    this.#head(this.#chapters.all)
    const started = this.#options.clock.now()
    const all = await this.#start({})
    await this.#until(all, ['verified'])
    const tookMs = this.#options.clock.now() - started
    this.#narrator.say(
      note(this.#narrator.paint, `verified after ${formatMs(tookMs)}: a visitor's request came out on this laptop (weight 255)`)
    )
    await this.#end(half)
    await this.#count(this.#chapters.all)
    return all
  }

  async #stopApp(all: Intercept): Promise<void> {
    this.#head(this.#chapters.down)
    await this.#world.laptop.stop()
    await this.#until(all, ['returning'])
    this.#narrator.say(note(this.#narrator.paint, 'returning: the laptop passes visitors back to the pod, none sees an error'))
    await this.#count(this.#chapters.down)
  }

  async #bringAppBack(all: Intercept): Promise<void> {
    this.#head(this.#chapters.back)
    const started = this.#options.clock.now()
    await this.#world.laptop.start()
    await this.#until(all, ['verified'])
    this.#narrator.say(note(this.#narrator.paint, `noticed after ${formatMs(this.#options.clock.now() - started)}`))
    await this.#count(this.#chapters.back)
  }

  async #leave(all: Intercept): Promise<void> {
    this.#head(this.#chapters.left)
    const report = await this.#end(all)
    this.#narrator.say(note(this.#narrator.paint, `drained, left, checked: ${report.line}`))
    await this.#count(this.#chapters.left, report.serving === true ? undefined : `the end check: ${report.line}`)
  }

  async #stay(): Promise<void> {
    const { signal } = this.#options
    const url = `http://127.0.0.1:${this.#world.server.entrypointPort}/`
    this.#narrator.say('')
    this.#narrator.say(this.#narrator.paint('bold', 'Everything stays up. Ctrl-C ends it.'))
    this.#narrator.say(`   a visitor        curl -H 'Host: ${HOST}' ${url}`)
    this.#narrator.say(`   the cluster      curl http://127.0.0.1:${this.#world.cluster.port}/`)
    this.#narrator.say(`   your laptop      curl http://127.0.0.1:${this.#world.laptop.port}/`)
    this.#narrator.say('')
    if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
  }

  #exchanges = 0

  async #start(share: { split?: number }): Promise<Intercept> {
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

  async #end(running: Intercept): Promise<Awaited<ReturnType<Intercept['drain']>>> {
    const report = await running.drain(AbortSignal.timeout(STATE_TIMEOUT_MS))
    this.#running.delete(running)
    await running.close()
    return report
  }

  async #until(running: Intercept, states: readonly TargetState[]): Promise<void> {
    const { clock } = this.#options
    const end = clock.now() + STATE_TIMEOUT_MS
    while (!states.includes(running.state)) {
      if (clock.now() > end)
        throw new InterceptError('TUNNEL_LOST', `the demo's session is ${running.state} instead of ${states.join(' or ')}`)
      await this.#pause()
    }
  }

  #head(chapter: Chapter): void {
    this.#narrator.say(chapterLine(this.#narrator.paint, this.#rows.length + 1, chapter.title))
  }

  async #chapter(chapter: Chapter): Promise<void> {
    this.#head(chapter)
    await this.#count(chapter)
  }

  /** Counts the requests sent from now on; what was sent while switching counts for the promise that none fails. */
  async #count(chapter: Chapter, broken?: string): Promise<void> {
    const { clock } = this.#options
    addSample(this.#between, this.#visitors.take())
    const end = clock.now() + STATE_TIMEOUT_MS
    while (answered(this.#visitors.window) < chapter.requests && this.#visitors.window.failed === 0 && clock.now() < end) {
      await this.#pause()
      this.#narrator.progress(this.#visitors.window)
    }
    const sample = this.#visitors.take()
    // Answers on their way still count in the window of their requests.
    await sleep(clock, POLL_MS)
    this.#rows.push({ title: chapter.title, sample, broken: broken ?? judge(chapter, sample) })
    this.#narrator.progress(sample, true)
    this.#narrator.say('')
  }

  /** As long as the story goes on `signal` ends it; with `keep` the end is part of the story. */
  async #pause(): Promise<void> {
    const { clock, signal, keep = false } = this.#options
    if (keep && signal.aborted) await sleep(clock, POLL_MS)
    else await sleep(clock, POLL_MS, signal)
  }

  #conclude(): number {
    addSample(this.#between, this.#visitors.take())
    const failed = this.#between.failed
    const broken = this.#rows.filter(row => row.broken !== undefined)
    for (const line of summary(this.#narrator.paint, this.#rows, this.#between)) this.#narrator.say(line)
    this.#narrator.say('')
    const ok = broken.length === 0 && failed === 0
    const requests = [...this.#rows.map(row => row.sample), this.#between].reduce(
      (sum, sample) => sum + answered(sample) + sample.failed,
      0
    )
    const seconds = formatMs(this.#options.clock.now() - this.#startedAt)
    this.#narrator.write({ v: 1, type: 'demo', ok, requests, failed: this.#rows.reduce((sum, row) => sum + row.sample.failed, failed) })
    if (ok) {
      this.#narrator.say(`${this.#narrator.paint('green', 'Every promise held')}: ${requests} requests, 0 failed, ${seconds}.`)
      this.#narrator.say(
        `On your cluster: ${this.#narrator.paint('bold', 'kubectl intercept list')}, then ${this.#narrator.paint('bold', 'kubectl intercept svc/NAME --port 8080')}`
      )
      return EXIT.OK
    }
    const why = this.#visitors.failure ?? broken[0]?.broken ?? `${failed} requests failed while switching`
    this.#narrator.say(`${this.#narrator.paint('red', 'A promise was broken')}: ${why}`)
    return EXIT.DIFFERENCES
  }
}
