/** Several sessions on one fake API server, with short times. */
import { systemClock } from '../../../src/base/clock.ts'
import { silent } from '../../../src/base/log.ts'
import { openClaim } from '../../../src/claim/claim.ts'
import type { Asker } from '../../../src/claim/lease.ts'
import type { Claim, ClaimOptions } from '../../../src/claim/types.ts'
import type { EventBody, EventType } from '../../../src/event/types.ts'
import type { Lease } from '../../../src/kube/types.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { type FakeKubernetes, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'
import { serverPlan } from '../../harness/plans.ts'

export const TUNNEL = '10bc451e-59dc-4c70-999e-91a30813ac78'
/** Beside a busy machine's delays. */
export const TIMES = { renewMs: 60, expireMs: 1_000, handOverMs: 3_000, pollMs: 20, tickMs: 15 }

export interface Person {
  claim: Claim
  session: string
  said: { type: EventType; body: Readonly<Record<string, unknown>> }[]
  actions(): string[]
  notices(): string[]
  taken: Asker[]
  stop: AbortController
}

export interface World {
  fake: FakeKubernetes
  person(user: string, more?: Partial<ClaimOptions>): Promise<Person>
  leases(): Lease[]
  close(): Promise<void>
}

export async function claimWorld(): Promise<World> {
  const fake = await startFakeKubernetes({
    objects: { deployments: [{ metadata: { name: 'nginx', namespace: 'shop', uid: 'u1' } }] }
  })
  const open: { close(): Promise<void> }[] = [fake]
  return {
    fake,
    leases: () => fake.list('leases') as unknown as Lease[],
    async person(user, more = {}) {
      const cluster = await connectToFake(fake)
      const said: Person['said'] = []
      const taken: Asker[] = []
      const stop = new AbortController()
      const session = crypto.randomUUID()
      const target = { text: 'svc/nginx', kind: 'service', name: 'nginx' } as const
      const claim = await openClaim(
        {
          cluster,
          plan: { name: 'nginx', namespace: 'shop', workload: 'deployment/nginx', tunnelId: TUNNEL, target, server: serverPlan({}) },
          session,
          user,
          pid: 1,
          clock: systemClock,
          log: silent,
          emit: <T extends EventType>(type: T, body: EventBody<T>) => void said.push({ type, body: { ...body } }),
          onTaken: by => void taken.push(by),
          times: TIMES,
          ...more
        },
        stop.signal
      )
      open.push(cluster, claim)
      return {
        claim,
        session,
        said,
        taken,
        stop,
        actions: () => said.filter(({ type }) => type === 'claim').map(({ body }) => String(body['action'])),
        notices: () => said.filter(({ type }) => type === 'notice').map(({ body }) => String(body['code']))
      }
    },
    async close() {
      for (const thing of open.splice(0).reverse()) await thing.close()
    }
  }
}
