/**
 * `kubectl intercept demo`: the real server, sidecar and session in one process, with visitors that never stop, told as a story that checks itself.
 * Only Kubernetes is played (`stand-in-cluster.ts`).
 */
import { sleep } from '../base/clock.ts'
import { EXIT } from '../base/errors.ts'
import { formatMs } from '../base/format.ts'
import { silent } from '../base/log.ts'
import type { Intercept } from '../session/intercept.ts'
import { conclude } from './conclusion.ts'
import { DemoSessions, POLL_MS, STATE_TIMEOUT_MS } from './demo-sessions.ts'
import { Narrator } from './narrator.ts'
import type { DemoOptions } from './options.ts'
import { chapterLine, intro, note, type Row } from './screen.ts'
import { type Chapter, type Chapters, CHAPTERS, judge } from './story.ts'
import { addSample, answered, emptySample, type Sample, sendVisitors, type Visitors } from './visitors.ts'
import { HOST, openWorld, type World } from './world.ts'

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
  readonly #sessions: DemoSessions
  readonly #chapters: Chapters
  readonly #startedAt: number

  constructor(options: DemoOptions, world: World, visitors: Visitors) {
    this.#options = options
    this.#world = world
    this.#visitors = visitors
    this.#narrator = new Narrator(options)
    this.#sessions = new DemoSessions(options, world, this.#narrator)
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
    addSample(this.#between, this.#visitors.take())
    const tookMs = this.#options.clock.now() - this.#startedAt
    return conclude(this.#narrator, { rows: this.#rows, between: this.#between, tookMs, failure: this.#visitors.failure })
  }

  close(): Promise<void> {
    return this.#sessions.close()
  }

  async #split(): Promise<Intercept> {
    this.#head(this.#chapters.split)
    const half = await this.#sessions.start({ split: 0.5 })
    await this.#sessions.until(half, ['registered', 'verified'])
    this.#narrator.say(note(this.#narrator.paint, 'registered beside the sidecar: weight 1 of 2'))
    await this.#count(this.#chapters.split)
    return half
  }

  async #takeAll(half: Intercept): Promise<Intercept> {
    this.#head(this.#chapters.all)
    const started = this.#options.clock.now()
    const all = await this.#sessions.start({})
    await this.#sessions.until(all, ['verified'])
    const tookMs = this.#options.clock.now() - started
    this.#narrator.say(
      note(this.#narrator.paint, `verified after ${formatMs(tookMs)}: a visitor's request came out on this laptop (weight 255)`)
    )
    await this.#sessions.end(half)
    await this.#count(this.#chapters.all)
    return all
  }

  async #stopApp(all: Intercept): Promise<void> {
    this.#head(this.#chapters.down)
    await this.#world.laptop.stop()
    await this.#sessions.until(all, ['returning'])
    this.#narrator.say(note(this.#narrator.paint, 'returning: the laptop passes visitors back to the pod, none sees an error'))
    await this.#count(this.#chapters.down)
  }

  async #bringAppBack(all: Intercept): Promise<void> {
    this.#head(this.#chapters.back)
    const started = this.#options.clock.now()
    await this.#world.laptop.start()
    await this.#sessions.until(all, ['verified'])
    this.#narrator.say(note(this.#narrator.paint, `noticed after ${formatMs(this.#options.clock.now() - started)}`))
    await this.#count(this.#chapters.back)
  }

  async #leave(all: Intercept): Promise<void> {
    this.#head(this.#chapters.left)
    const report = await this.#sessions.end(all)
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
      await this.#sessions.pause()
      this.#narrator.progress(this.#visitors.window)
    }
    const sample = this.#visitors.take()
    // Answers on their way still count in the window of their requests.
    await sleep(clock, POLL_MS)
    this.#rows.push({ title: chapter.title, sample, broken: broken ?? judge(chapter, sample) })
    this.#narrator.progress(sample, true)
    this.#narrator.say('')
  }
}
