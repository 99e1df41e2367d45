/**
 * Ways to a destination: a few attempts, one after the other. Ready pods in the order in which they are to be tried, each once; what only the inside of
 * the cluster reaches goes through a pod that the person has named.
 */
import { type Clock, deadline } from '../base/clock.ts'
import { type Connection, type DialTo, type Endpoint } from '../base/connection.ts'
import { asError, InterceptError, isAbort } from '../base/errors.ts'
import type { Cluster } from '../kube/types.ts'
import { describeDialError } from '../transport/errors.ts'
import type { PodChooser, PodPort } from './choose-pod.ts'
import { isForbidden } from './directory.ts'
import type { PodGuard } from './pod-guard.ts'
import { isRefused, timedOut } from './refusal.ts'
import { type Destination, unreachable } from './resolve-name.ts'

export interface Way {
  /** Opens a connection; called again, by the next way that there is. Throws the reason when none is left. */
  open(signal: AbortSignal): Promise<Connection>
  /** The pod that the last one led to; empty for none. */
  readonly pod?: string
}

export interface DialParts {
  cluster: Pick<Cluster, 'forwarder' | 'dialServer'>
  clock: Clock
  chooser: PodChooser
  guard: PodGuard
  dialOutside: DialTo
  /** From inside a pod; absent unless the person has named one. */
  dialInside: DialTo | undefined
  /** Told when a host was dialled from the laptop. */
  sayOutside: (to: Endpoint, alias: string | undefined) => void
}

/** Of one attempt; a pod whose node does not answer must not keep the others from being tried. */
const ATTEMPT_MS = 5_000

export function wayTo(destination: Destination, parts: DialParts): Way {
  if (destination.kind === 'pods') return wayToPods(destination, parts)
  if (destination.kind === 'api-server') return oneTry(parts, signal => parts.cluster.dialServer(signal))
  if (destination.kind === 'inside') {
    const { dialInside } = parts
    return oneTry(parts, signal => (dialInside === undefined ? Promise.reject(destination.why) : dialInside(destination.inside, signal)))
  }
  const { to, doubt, alias } = destination
  return oneTry(parts, async signal => {
    try {
      const connection = await parts.dialOutside(to, signal)
      parts.sayOutside(to, alias)
      return connection
    } catch (error) {
      if (doubt !== undefined && !signal.aborted && describeDialError(error).code === 'NO_SUCH_HOST') throw doubt
      throw error
    }
  })
}

function oneTry({ clock }: DialParts, dial: (signal: AbortSignal) => Promise<Connection>): Way {
  let tried = false
  return {
    async open(parent) {
      if (tried) throw Object.assign(new Error('the connection was lost before its first byte'), { code: 'ECONNRESET' })
      tried = true
      return within(clock, parent, dial)
    }
  }
}

async function within(clock: Clock, parent: AbortSignal, dial: (signal: AbortSignal) => Promise<Connection>): Promise<Connection> {
  const limit = deadline(clock, ATTEMPT_MS, () => timedOut(ATTEMPT_MS), parent)
  try {
    return await dial(limit.signal)
  } finally {
    limit.done()
  }
}

function wayToPods(destination: Extract<Destination, { kind: 'pods' }>, parts: DialParts): Way {
  const { chooser, guard, cluster, clock, dialInside } = parts
  const pods = chooser.order(destination.pods)
  let inside = dialInside
  let last: Error | undefined
  let reached = ''
  const dialPod = (pod: PodPort, parent: AbortSignal): Promise<Connection> => {
    const done = chooser.opened(pod)
    return within(clock, parent, signal => cluster.forwarder(pod.namespace, pod.pod).dial(pod.port, signal)).then(
      connection => {
        guard.watch(pod, connection)
        return connection.once('close', done)
      },
      (error: unknown) => {
        done()
        throw error
      }
    )
  }
  return {
    get pod() {
      return reached
    },
    async open(signal) {
      for (let pod = pods.shift(); pod !== undefined; pod = pods.shift()) {
        try {
          const connection = await dialPod(pod, signal)
          reached = pod.pod
          return connection
        } catch (error) {
          signal.throwIfAborted()
          last = asError(error)
          // Whatever pod: the answer would be the same.
          if (isForbidden(error)) throw error
          destination.forget()
        }
      }
      if (inside !== undefined) {
        const dial = inside
        inside = undefined
        return within(clock, signal, limited => dial(destination.inside, limited))
      }
      throw explained(last ?? new Error('no pod is left'), destination)
    }
  }
}

/** A refusal has two reasons that look the same from here. */
function explained(error: Error, { name, pods }: Extract<Destination, { kind: 'pods' }>): Error {
  if (error instanceof InterceptError || isAbort(error)) return error
  const [first] = pods
  if (!isRefused(error) || first === undefined) return error
  const { namespace, pod, port } = first
  const where =
    pods.length > 1
      ? `none of the ${pods.length} pods of ${name} listens`
      : name.startsWith('pod ')
        ? `${name} does not listen`
        : `pod ${pod} of ${name} does not listen`
  return unreachable(
    `${where} on port ${port} of its loopback, which is all that a port-forward reaches`,
    `see what listens: kubectl exec -n ${namespace} ${pod} -- netstat -ltn; if it is on the pod's own address: kubectl intercept access --via-pod ${pod}`
  )
}
