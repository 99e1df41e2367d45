/** `kubectl intercept demo -o tui`: the same world as the story, with a shop and its customers, held open for somebody who looks at the screen. */
import http from 'node:http'
import { closeAll, closeOnce, type Closable } from '../base/closable.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { isAbort } from '../base/errors.ts'
import { intercept } from '../session/intercept.ts'
import type { InterceptContext } from '../session/request.ts'
import { runAll } from '../session/run.ts'
import { sumUp } from '../session/stats.ts'
import { demoPlan, demoSettings } from './demo-plan.ts'
import { shop } from './shop.ts'
import { standInCluster } from './stand-in-cluster.ts'
import { HOST, openWorld } from './world.ts'

const VISIT_MS = 150

/** Resolves with the exit code when the session was left. */
export async function runLiveDemo(context: InterceptContext): Promise<number> {
  const { clock, log, events } = context
  const startedAt = clock.now()
  const world = await openWorld({ clock, log, cluster: shop('cluster', clock), laptop: shop('laptop', clock) })
  const settings = demoSettings(world, {})
  let exchanges = 0
  const nextId = (): string => String((exchanges += 1))
  const plan = demoPlan(world)
  const local = { host: '127.0.0.1', port: world.laptop.port }
  events.emit('session.started', {
    pid: context.pid,
    user: context.user,
    version: context.version,
    command: context.commandLine,
    targets: [plan.name],
    ...(context.controlPath === undefined ? {} : { controlPath: context.controlPath })
  })
  const running = intercept({ ...common(context), plan, local, settings, nextId })
  const customers = sendCustomers(world.server.entrypointPort, clock)
  try {
    const [reason, exitCode] = await runAll({ running: [running], chosen: [{ plan, local }], context, settings, nextId })
    await running.close()
    events.emit('session.ended', { reason, exitCode, summary: sumUp([running], clock.now() - startedAt) })
    return exitCode
  } finally {
    await closeAll([running, customers, world])
  }
}

const common = (context: InterceptContext) => ({
  cluster: standInCluster(),
  clock: context.clock,
  log: context.log,
  emit: context.events.emit,
  capture: context.capture,
  user: context.user,
  pid: context.pid,
  session: crypto.randomUUID(),
  random: () => crypto.randomUUID().replaceAll('-', '')
})

interface Visit {
  method: string
  path: string
  body?: string
  headers?: Record<string, string>
}

const VISITS: readonly Visit[] = [
  { method: 'GET', path: '/api/cart/42', headers: { cookie: 'session=demo' } },
  { method: 'GET', path: '/api/stock?sku=mug' },
  { method: 'POST', path: '/api/checkout', body: '{"cart":42,"card":"4242 4242"}' },
  { method: 'GET', path: '/' },
  { method: 'POST', path: '/api/checkout', body: '{"cart":43,"card":"4000 0002"}', headers: { authorization: 'Bearer demo' } },
  { method: 'GET', path: '/favicon.ico' }
]

/** One after the other, for ever, and one that listens to events. What becomes of a visit is for the screen to tell. */
function sendCustomers(port: number, clock: Clock): Closable {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  const stop = new AbortController()
  const loop = async (): Promise<void> => {
    try {
      for (let at = 0; ; at += 1) {
        await visit(port, agent, VISITS[at % VISITS.length])
        await sleep(clock, VISIT_MS, stop.signal)
      }
    } catch (error) {
      if (!isAbort(error)) throw error
    }
  }
  const listening = http.get({ host: '127.0.0.1', port, path: '/events', headers: { host: HOST }, agent: false }, response =>
    response.resume()
  )
  listening.on('error', () => {}) // the session was left under it
  const running = loop()
  return {
    close: closeOnce(async () => {
      stop.abort()
      listening.destroy()
      agent.destroy()
      await running
    })
  }
}

function visit(port: number, agent: http.Agent, wanted: Visit = { method: 'GET', path: '/' }): Promise<void> {
  const { method, path, body, headers = {} } = wanted
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  return new Promise(resolve => {
    const request = http.request(
      { host: '127.0.0.1', port, method, path, agent, headers: { host: HOST, ...type, ...headers } },
      response => {
        response.resume()
        response.on('close', resolve)
      }
    )
    request.on('error', () => resolve())
    request.end(body)
  })
}
