import { afterEach, describe, expect, it } from 'vitest'
import { silent } from '../../../src/base/log.ts'
import type { ReplicaRoute } from '../../../src/route/types.ts'
import { replicaSet, type ReplicaSet } from '../../../src/session/replica-set.ts'
import { eventually } from '../../harness/eventually.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { tunnelPlan } from '../../harness/plans.ts'
import { relayPeer } from '../../harness/relay-peer.ts'

let set: ReplicaSet | undefined
afterEach(() => set?.close())

describe('a replica set', () => {
  it('keeps the old weight on every replica when one of them does not take the new one', async () => {
    const clock = fakeClock()
    const one = relayPeer(clock)
    const two = relayPeer(clock)
    const replicas = replicaSet({
      plan: tunnelPlan(),
      weight: 255,
      hello: { kind: 'agent' },
      clock,
      log: silent,
      emit: () => {},
      onStream: () => {},
      onChange: () => {},
      onReroute: () => {}
    })
    set = replicas
    const signal = new AbortController().signal
    const route = (key: string, peer: typeof one) => ({ key, replica: key, dialTunnel: peer.dial, visitor: [] }) as unknown as ReplicaRoute
    await replicas.apply([route('one', one), route('two', two)], signal)
    two.mode = 'closing'
    await expect(replicas.rebind(30, signal)).rejects.toMatchObject({ code: 'TUNNEL_LOST' })
    await eventually(() => {
      expect(replicas.all.map(({ connector }) => [connector.weight, connector.phase])).toEqual([
        [255, 'bound'],
        [255, 'bound']
      ])
      const open = [...one.bound, ...two.bound].filter(({ connection }) => !connection.destroyed && !connection.readableEnded)
      expect(open.map(({ weight }) => weight)).toEqual([255, 255])
    })
  })
})
