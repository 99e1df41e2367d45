/** `resourceFieldRef`: limits and requests in units of a divisor, with the node's allocatable where no limit is set. Reference: pkg/api/v1/resource. */
import { isZero, milliValue, ONE, parseQuantity, type Quantity, value, ZERO } from './quantity.ts'
import type { Container, Pod } from './objects.ts'

export interface ResourceField {
  containerName?: string | undefined
  resource: string
  divisor?: string | undefined
}

export type Allocatable = { quantities: Readonly<Record<string, string>> } | { problem: string }

/** A limit that is not set is the node's allocatable; huge pages are never overcommitted. */
const DEFAULTED = /^(?:cpu|memory|ephemeral-storage)$/
/** What limits of a whole pod may name. */
const POD_LEVEL = /^(?:cpu|memory)$/

interface Asked {
  side: 'limits' | 'requests'
  name: string
}

const askedOf = (resource: string): Asked | undefined => {
  const [, side, name] = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(resource) ?? []
  return name === undefined ? undefined : { side: side === 'limits' ? 'limits' : 'requests', name }
}

/** True when the answer needs the node: the container and the pod set no such limit. */
export function needsNode(field: ResourceField, pod: Pod, container: Container): boolean {
  const asked = askedOf(field.resource)
  const from = containerOf(field, pod, container)
  if (asked === undefined || from === undefined || asked.side !== 'limits' || !DEFAULTED.test(asked.name)) return false
  return isUnset(from.container.resources?.limits?.[asked.name]) && from.defaulted && podLimit(pod, asked.name) === undefined
}

export function resourceValue(
  field: ResourceField,
  at: { pod: Pod; container: Container; allocatable: Allocatable }
): { text: string } | { problem: string } {
  const asked = askedOf(field.resource)
  const from = containerOf(field, at.pod, at.container)
  if (asked === undefined) return { problem: `${field.resource} is no resource that a container can be told` }
  if (from === undefined) return { problem: `the pod has no container ${field.containerName ?? ''}` }
  const divisor = parseQuantity(field.divisor ?? '0')
  if (divisor === undefined) return { problem: `its divisor ${field.divisor ?? ''} is no quantity` }
  let written = from.container.resources?.[asked.side]?.[asked.name]
  if (needsNode(field, at.pod, at.container)) {
    if ('problem' in at.allocatable)
      return { problem: `no limit is set, and the node's allocatable ${asked.name} ${at.allocatable.problem}` }
    written = at.allocatable.quantities[asked.name]
  } else if (asked.side === 'limits' && DEFAULTED.test(asked.name) && isUnset(written) && from.defaulted)
    written = podLimit(at.pod, asked.name)
  const quantity = written === undefined ? ZERO : parseQuantity(written)
  return quantity === undefined
    ? { problem: `${field.resource} is ${written ?? ''}, which is no quantity` }
    : { text: inUnits(asked.name, quantity, divisor) }
}

/** Kubelet divides as floats and rounds up. */
function inUnits(name: string, quantity: Quantity, divisor: Quantity): string {
  const unit = isZero(divisor) ? ONE : divisor
  const count = name === 'cpu' ? milliValue(quantity) / milliValue(unit) : value(quantity) / value(unit)
  return BigInt(Math.ceil(count)).toString()
}

const isUnset = (written: string | undefined): boolean => written === undefined || isZero(parseQuantity(written) ?? ZERO)

const podLimit = (pod: Pod, name: string): string | undefined => {
  const written = POD_LEVEL.test(name) ? pod.spec?.resources?.limits?.[name] : undefined
  return isUnset(written) ? undefined : written
}

/** The kubelet fills in defaults for the container itself and for the pod's containers, not for init containers that another one names. */
function containerOf({ containerName }: ResourceField, pod: Pod, own: Container): { container: Container; defaulted: boolean } | undefined {
  if (containerName === undefined || containerName === '') return { container: own, defaulted: true }
  const main = pod.spec?.containers.find(({ name }) => name === containerName)
  if (main !== undefined) return { container: main, defaulted: true }
  const init = pod.spec?.initContainers?.find(({ name }) => name === containerName)
  return init === undefined ? undefined : { container: init, defaulted: false }
}
