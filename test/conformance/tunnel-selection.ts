/** Tunnel cases: who gets a visitor. Counts are judged at four standard deviations. */
import { expect, it } from 'vitest'
import { startApp } from '../harness/app.ts'
import { crowd, tally } from '../harness/visitors.ts'
import type { TunnelWorld } from './tunnel-world.ts'

export function selectionCases(world: TunnelWorld): void {
  /** How many of the samples each of two connectors got. */
  async function shared(weights: readonly [number, number]): Promise<readonly [number, number]> {
    const tunnel = world.tunnel()
    await using one = await startApp({ name: 'one' })
    await using two = await startApp({ name: 'two' })
    await using _first = await world.connect(tunnel, one.port, weights[0])
    await using _second = await world.connect(tunnel, two.port, weights[1])
    const { samples: count } = world.pairing
    const visits = await crowd({ host: '127.0.0.1', port: world.server.entrypointPort, name: tunnel.host, count })
    const counts = tally(visits, ({ status, body }) => `${status} ${body.trim()}`)
    const { '200 one': first = 0, '200 two': second = 0, ...others } = counts
    expect(others).toEqual({})
    return [first, second]
  }
  function expectShare(count: number, share: number): void {
    const { samples } = world.pairing
    const deviation = Math.sqrt(samples * share * (1 - share))
    expect(Math.abs(count - samples * share)).toBeLessThan(4 * deviation)
  }

  it('shares visitors one to one between equal weights', async () => {
    const [first] = await shared([1, 1])
    expectShare(first, 1 / 2)
  })

  it('shares visitors one to three between weights 1 and 3', async () => {
    const [first] = await shared([1, 3])
    expectShare(first, 1 / 4)
  })

  it('gives everything to 255 beside 1, and back when it stops', async () => {
    const tunnel = world.tunnel()
    await using pod = await startApp({ name: 'pod' })
    await using laptop = await startApp({ name: 'laptop' })
    await using _sidecar = await world.connect(tunnel, pod.port, 1)
    const connector = await world.connect(tunnel, laptop.port, 255)
    const who = { host: '127.0.0.1', port: world.server.entrypointPort, name: tunnel.host, count: 100 }
    expect(tally(await crowd(who), ({ status, body }) => `${status} ${body}`)).toEqual({ '200 laptop\n': 100 })
    await connector.stop()
    const after = tally(await crowd({ ...who, count: 50 }), ({ status, body }) => `${status} ${body}`)
    expect(after['200 pod\n']).toBeGreaterThanOrEqual(49)
  })

  it('lets two connectors of 255 share, the newest without privilege', async () => {
    const [first] = await shared([255, 255])
    expectShare(first, 1 / 2)
  })
}
