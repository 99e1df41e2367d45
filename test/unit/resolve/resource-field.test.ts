import { describe, expect, it } from 'vitest'
import { type Allocatable, needsNode, resourceValue } from '../../../src/resolve/resource-field.ts'
import { containerOf, podOf } from '../environment/objects.ts'

const node = { quantities: { cpu: '7910m', memory: '16Gi', 'ephemeral-storage': '100G', 'hugepages-2Mi': '8Mi' } }
const app = containerOf({
  resources: { limits: { memory: '100Mi', 'hugepages-2Mi': '4Mi' }, requests: { cpu: '150m', memory: '64Mi' } }
})
const pod = podOf(app, {
  spec: {
    containers: [app, containerOf({ name: 'side', resources: { limits: { cpu: '2' } } })],
    initContainers: [containerOf({ name: 'init' })]
  }
})

const ask = (resource: string, divisor?: string, containerName?: string, allocatable: Allocatable = node) =>
  resourceValue({ resource, divisor, containerName }, { pod, container: app, allocatable })

describe('resourceFieldRef', () => {
  it.each<[string, string | undefined, string]>([
    ['limits.memory', undefined, '104857600'],
    ['limits.memory', '0', '104857600'],
    ['limits.memory', '1Mi', '100'],
    ['limits.memory', '1M', '105'],
    ['limits.memory', '1Gi', '1'],
    ['limits.cpu', undefined, '8'],
    ['limits.cpu', '1m', '7910'],
    ['limits.ephemeral-storage', '1G', '100'],
    ['limits.hugepages-2Mi', '1Mi', '4'],
    ['limits.hugepages-1Gi', undefined, '0'],
    ['requests.cpu', undefined, '1'],
    ['requests.cpu', '1m', '150'],
    ['requests.memory', '1Mi', '64'],
    ['requests.ephemeral-storage', undefined, '0']
  ])('%s in units of %s is %s', (resource, divisor, expected) => {
    expect(ask(resource, divisor)).toEqual({ text: expected })
  })

  it('may be of another container; the node stands in for the limits of main containers only', () => {
    expect(ask('limits.cpu', undefined, 'side')).toEqual({ text: '2' })
    expect(ask('limits.memory', '1Gi', 'side')).toEqual({ text: '16' })
    expect(ask('limits.memory', '1Gi', 'init')).toEqual({ text: '0' })
    expect(ask('limits.cpu', undefined, 'none')).toEqual({ problem: 'the pod has no container none' })
  })

  it("takes the whole pod's limit before the node's", () => {
    const limited = podOf(app, { spec: { resources: { limits: { cpu: '3' } } } })
    expect(resourceValue({ resource: 'limits.cpu' }, { pod: limited, container: app, allocatable: node })).toEqual({ text: '3' })
    expect(needsNode({ resource: 'limits.cpu' }, limited, app)).toBe(false)
  })

  it('needs the node only for a limit that is not set', () => {
    const needs = ['limits.cpu', 'limits.memory', 'limits.hugepages-1Gi', 'requests.cpu'].map(resource => needsNode({ resource }, pod, app))
    expect(needs).toEqual([true, false, false, false])
    expect(ask('limits.cpu', undefined, undefined, { problem: 'may not be read (forbidden)' })).toEqual({
      problem: "no limit is set, and the node's allocatable cpu may not be read (forbidden)"
    })
  })
})
