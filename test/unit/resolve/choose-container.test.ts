import { describe, expect, it } from 'vitest'
import { chooseContainer } from '../../../src/resolve/choose-container.ts'
import type { Container } from '../../../src/environment/types.ts'
import { createWorld } from '../../../src/resolve/world.ts'
import { objectCluster } from '../../harness/object-cluster.ts'
import { containerOf, podOf } from '../environment/objects.ts'

const gost = containerOf({
  name: 'gost',
  image: 'gogost/gost',
  args: ['-L', 'rtcp://:0/:8080', '-F', 'tunnel+ws://proxy:8421?tunnel.id=10bc451e-59dc-4c70-999e-91a30813ac78']
})
const app = containerOf({ name: 'app', ports: [{ containerPort: 8080 }] })
const helper = containerOf({ name: 'helper' })

async function chosen(
  containers: Container[],
  wanted?: string,
  annotations: Record<string, string> = {}
): Promise<[string, string | undefined]> {
  const pod = podOf(app, { spec: { containers, initContainers: [containerOf({ name: 'setup' })] } })
  if (pod.metadata !== undefined) pod.metadata.annotations = annotations
  const world = createWorld(objectCluster([]), { everywhere: false, signal: undefined })
  const [facts] = await world.facts.read([pod])
  if (facts === undefined) throw new Error('one pod was given')
  const { container, note } = chooseContainer(facts, wanted)
  return [container.name, note]
}

describe('the container', () => {
  it('is the one that the sidecar forwards to', async () => {
    expect(await chosen([helper, gost, app])).toEqual(['app', 'container app (the sidecar forwards to it); others with -c: helper'])
  })

  it("is the pod's default, or the first that is no gost, where no port says it", async () => {
    expect((await chosen([gost, helper, containerOf({ name: 'b' })]))[0]).toBe('helper')
    expect(
      (await chosen([gost, helper, containerOf({ name: 'b' })], undefined, { 'kubectl.kubernetes.io/default-container': 'b' }))[0]
    ).toBe('b')
    expect(await chosen([gost])).toEqual(['gost', undefined])
  })

  it('is what -c says, init containers included', async () => {
    expect(await chosen([gost, app], 'gost')).toEqual(['gost', undefined])
    expect(await chosen([gost, app], 'setup')).toEqual(['setup', undefined])
    await expect(chosen([gost, app], 'ap')).rejects.toMatchObject({
      code: 'TARGET_NOT_FOUND',
      message: 'pod web-0 has no container ap: it has gost, app, setup',
      hint: 'choose with -c app'
    })
  })
})
