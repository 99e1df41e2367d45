import { describe, expect, it, vi } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import type { Cluster } from '../../../src/kube/types.ts'
import { ReturnOverflow, returnPath } from '../../../src/session/return-path.ts'
import { ownTargets, returnable, serviceTargets } from '../../../src/session/return-targets.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { sidecarPod } from '../../harness/plans.ts'

function world(dial: (pod: string) => Promise<Connection>, limits: { perSecond?: number; atOnce?: number } = {}) {
  const clock = fakeClock()
  const emit = vi.fn()
  // Only `forwarder` of a cluster is used here; the real one is covered by the e2e suite.
  const cluster = {
    forwarder: (_namespace: string, name: string) => ({ dial: () => dial(name), close: async () => {} })
  } as unknown as Cluster
  const onLimit = vi.fn()
  const { perSecond = 1_000, atOnce = 64 } = limits
  return { clock, emit, onLimit, path: returnPath({ cluster, clock, emit, onLimit, perSecond, atOnce }) }
}
const answer = async (): Promise<Connection> => memoryPair()[0]
const signal = new AbortController().signal

describe('returnable', () => {
  it.each([
    ['a loopback target', {}, true],
    ['127.0.0.1', { app: { host: '127.0.0.1', port: 80 } }, true],
    ['another service', { app: { host: 'db', port: 80 } }, false],
    ['no target', { app: undefined }, false],
    ['an unready pod', { ready: false }, false],
    ['a terminating pod', { terminating: true }, false]
  ] as const)('judges %s', (_name, more, expected) => {
    expect(returnable(sidecarPod('a', more))).toBe(expected)
  })
})

describe('serviceTargets', () => {
  const endpoints = {
    metadata: { name: 'app', namespace: 'shop' },
    subsets: [
      {
        addresses: [{ ip: '10.0.0.1', targetRef: { kind: 'Pod', name: 'app-1', namespace: 'shop' } }, { ip: '192.0.2.1' }],
        notReadyAddresses: [{ ip: '10.0.0.2', targetRef: { kind: 'Pod', name: 'app-2', namespace: 'shop' } }],
        ports: [
          { name: 'http', port: 8080 },
          { name: 'metrics', port: 9090 }
        ]
      }
    ]
  }

  it('takes the ready pods behind a Service, at the container port of the named port', () => {
    expect(serviceTargets(endpoints, 'http', 0)).toEqual([{ namespace: 'shop', pod: 'app-1', port: 8080, proxyProtocol: 0 }])
  })

  it('takes nothing when it cannot tell which port is meant', () => {
    expect(serviceTargets(endpoints, undefined, 0)).toEqual([])
  })
})

describe('returnPath', () => {
  it('tries the next ready pod when one fails, and says so', async () => {
    const { path, emit } = world(name => (name === 'bad' ? Promise.reject(new Error('refused')) : answer()))
    path.setTargets(ownTargets([sidecarPod('bad'), sidecarPod('good')]))
    for (let i = 0; i < 4; i += 1) expect((await path.open(signal)).target.pod).toBe('good')
    expect(emit).toHaveBeenCalledWith('return.state', expect.objectContaining({ pod: 'bad', ok: false }))
  })

  it('spreads requests over the pods', async () => {
    const { path } = world(answer)
    path.setTargets(ownTargets([sidecarPod('a'), sidecarPod('b')]))
    const pods = await Promise.all(Array.from({ length: 10 }, () => path.open(signal)))
    expect(pods.filter(each => each.target.pod === 'a')).toHaveLength(5)
  })

  it('tells once a second when it is over its rate, and serves all the same', async () => {
    const { path, clock, onLimit } = world(answer, { perSecond: 2 })
    path.setTargets(ownTargets([sidecarPod('a')]))
    for (let i = 0; i < 2; i += 1) (await path.open(signal)).release()
    expect(onLimit).not.toHaveBeenCalled()
    for (let i = 0; i < 3; i += 1) (await path.open(signal)).release()
    expect(onLimit.mock.calls).toEqual([['more than 2 requests a second on the return path']])
    await clock.advance(1_000)
    await path.open(signal)
    expect(onLimit).toHaveBeenCalledOnce()
  })

  it('tells when as many wait as it has places, and lets more wait', async () => {
    const { path, onLimit } = world(answer, { atOnce: 2 })
    path.setTargets(ownTargets([sidecarPod('a')]))
    const all = Array.from({ length: 8 }, () => path.open(signal))
    expect(onLimit.mock.calls).toEqual([['more than 2 requests wait for the return path']])
    for (const one of all) (await one).release()
    expect(path.inUse).toBe(0)
  })

  it('refuses whoever comes when more than a thousand wait', async () => {
    const { path } = world(answer, { atOnce: 1 })
    path.setTargets(ownTargets([sidecarPod('a')]))
    const leave = new AbortController()
    const waiting = Array.from({ length: 1_025 }, () => path.open(leave.signal))
    await expect(path.open(signal)).rejects.toBeInstanceOf(ReturnOverflow)
    leave.abort(new Error('left'))
    expect((await Promise.allSettled(waiting)).filter(each => each.status === 'rejected')).toHaveLength(1_024)
  })

  it('queues over its places and hands a freed one on', async () => {
    const { path } = world(answer, { atOnce: 1 })
    path.setTargets(ownTargets([sidecarPod('a')]))
    const first = await path.open(signal)
    const second = path.open(signal)
    first.release()
    first.release()
    await expect(second).resolves.toMatchObject({ target: { pod: 'a' } })
    expect(path.inUse).toBe(1)
  })

  it('tells when no place came within two seconds, and gives up after ten', async () => {
    const { path, clock, onLimit } = world(answer, { atOnce: 1 })
    path.setTargets(ownTargets([sidecarPod('a')]))
    await path.open(signal)
    const late = path.open(signal)
    late.catch(() => {})
    await clock.advance(2_000)
    expect(onLimit.mock.calls).toEqual([['no place on the return path within 2 s']])
    await clock.advance(8_000)
    await expect(late).rejects.toBeInstanceOf(ReturnOverflow)
  })

  it('frees the place of an opening that failed', async () => {
    const { path } = world(() => Promise.reject(new Error('refused')), { atOnce: 1 })
    path.setTargets(ownTargets([sidecarPod('a')]))
    await expect(path.open(signal)).rejects.toThrow('refused')
    expect(path.inUse).toBe(0)
  })

  it('keeps a connection for the next request, as long as its pod serves', async () => {
    const { path } = world(answer)
    path.setTargets(ownTargets([sidecarPod('a')]))
    const first = await path.open(signal)
    expect(first.keep()).toBe(true)
    first.release()
    const second = await path.open(signal, { reuse: true })
    expect([second.connection === first.connection, second.reused, second.target.pod]).toEqual([true, true, 'a'])
    expect(second.keep()).toBe(true)
    second.release()
    path.setTargets(ownTargets([sidecarPod('b')]))
    const third = await path.open(signal, { reuse: true })
    expect([third.connection === first.connection, third.reused, third.target.pod]).toEqual([false, false, 'b'])
    expect(first.connection.destroyed).toBe(true)
    path.close()
  })

  it('keeps none where each connection begins with a PROXY header', async () => {
    const { path } = world(answer)
    path.setTargets([{ namespace: 'shop', pod: 'a', port: 80, proxyProtocol: 1 }])
    expect((await path.open(signal)).keep()).toBe(false)
  })
})
