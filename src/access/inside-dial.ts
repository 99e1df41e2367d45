/** `--via-pod`: a connection that a program in a pod opens. `nc` or `socat`, whichever the image has; its stdin and stdout are the connection. */
import { type Clock, sleep } from '../base/clock.ts'
import type { Connection, DialTo, Endpoint } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import { ExecEnded } from '../kube/exec-connection.ts'
import type { Cluster } from '../kube/types.ts'
import type { Pod } from '../resolve/objects.ts'
import { unreachable } from './resolve-name.ts'

export interface InsidePod {
  namespace: string
  pod: string
}

export interface InsideOptions {
  cluster: Pick<Cluster, 'execConnection' | 'get'>
  clock: Clock
  confirmMs?: number
}

const PROGRAMS = [
  ({ host, port }: Endpoint) => ['nc', host, String(port)],
  ({ host, port }: Endpoint) => ['socat', '-', `TCP:${host.includes(':') ? `[${host}]` : host}:${port}`]
] as const

/** A program says that it is missing, or that nobody answered, by ending; success is silent. */
const CONFIRM_MS = 300
const NOT_FOUND = 127

/** `POD` or `NAMESPACE/POD`, with `pod/` in front or not. Throws BAD_USAGE. */
export function parseInsidePod(text: string, namespace: string): InsidePod {
  const [, space = namespace, pod = ''] =
    /^(?:([a-z0-9-]+)\/)?([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)$/.exec(text.replace(/^(?:pods?|po)\//, '')) ?? []
  if (pod === '') {
    throw new InterceptError('BAD_USAGE', `--via-pod must be POD or NAMESPACE/POD, not "${text.slice(0, 100)}"`, {
      hint: 'for example: kubectl intercept access --via-pod toolbox-0'
    })
  }
  return { namespace: space, pod }
}

/** As given, when there is such a pod, or when that cannot be known. Throws TARGET_NOT_FOUND, CLUSTER_UNREACHABLE, CLUSTER_UNAUTHORIZED. */
export async function insidePodOf(cluster: Pick<Cluster, 'get'>, inside: InsidePod): Promise<InsidePod> {
  const { namespace, pod } = inside
  try {
    if ((await cluster.get('pods', namespace, pod)) !== undefined) return inside
  } catch (error) {
    if (error instanceof InterceptError && error.code === 'CLUSTER_FORBIDDEN') return inside
    throw error
  }
  throw new InterceptError('TARGET_NOT_FOUND', `--via-pod: there is no pod ${pod} in namespace ${namespace}`, {
    hint: `kubectl get pods -n ${namespace}`
  })
}

export function insideDial({ namespace, pod }: InsidePod, { cluster, clock, confirmMs = CONFIRM_MS }: InsideOptions): DialTo {
  let works: (typeof PROGRAMS)[number] | undefined
  let container: Promise<string | undefined> | undefined
  const tryOne = async (program: (typeof PROGRAMS)[number], to: Endpoint, signal: AbortSignal): Promise<Connection> => {
    container ??= cluster.get('pods', namespace, pod, signal).then(containerOf)
    container.catch(() => (container = undefined))
    const command = { container: await container, command: program(to) }
    const connection = await cluster.execConnection(namespace, pod, command, signal)
    await confirmed(connection, { clock, confirmMs, signal })
    works = program
    return connection
  }
  return async (to, signal) => {
    for (const program of works === undefined ? PROGRAMS : [works]) {
      try {
        return await tryOne(program, to, signal)
      } catch (error) {
        if (!(error instanceof ExecEnded)) throw error
        if (error.exitCode === NOT_FOUND) continue
        throw unreachable(
          `pod ${pod} could not reach it: ${error.stderr === '' ? error.message : error.stderr}`,
          `kubectl get svc,endpoints -n ${namespace}`
        )
      }
    }
    throw unreachable(
      `pod ${pod} in namespace ${namespace} has neither nc nor socat`,
      'name another with --via-pod, one of an image with busybox for example'
    )
  }
}

function containerOf(pod: Pod | undefined): string | undefined {
  return pod?.metadata?.annotations?.['kubectl.kubernetes.io/default-container'] ?? pod?.spec?.containers[0]?.name
}

/** Resolves when bytes came or the time is over; rejects when it ended first. */
async function confirmed(
  connection: Connection,
  { clock, confirmMs, signal }: { clock: Clock; confirmMs: number; signal: AbortSignal }
): Promise<void> {
  const done = new AbortController()
  const news = new Promise<void>((resolve, reject) => {
    connection.once('readable', resolve)
    connection.once('close', () => reject(connection.errored ?? new Error('the connection was closed')))
    connection.once('error', reject)
  })
  try {
    await Promise.race([news, sleep(clock, confirmMs, AbortSignal.any([signal, done.signal])).catch(() => {})])
    signal.throwIfAborted()
  } catch (error) {
    connection.destroy()
    throw error
  } finally {
    done.abort()
    news.catch(() => {}) // the time was over first
    connection.removeAllListeners('readable')
  }
}
