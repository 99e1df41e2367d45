/**
 * The protocol of `pods/exec` over a WebSocket: `v5.channel.k8s.io` or, on API servers before 1.30, `v4`, which cannot end stdin. First byte of a message =
 * channel. Reference: apimachinery remotecommand/constants.go.
 */
import type { Clock } from '../base/clock.ts'
import type { ApiClient } from './api-client.ts'
import { type ApiWebSocket, openApiWebSocket, SubprotocolRefused } from './api-websocket.ts'
import type { Asked, ExecStatus } from './errors.ts'
import type { ExecStreamCommand } from './types.ts'

/** `error`: how the command ended, a `Status`. `close`: its payload is the channel that ends. */
export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, close: 255 } as const
/** What is kept of it at most. */
export const MAX_STDERR = 64 * 1024

const NEWEST = 'v5.channel.k8s.io'
const OLDER = 'v4.channel.k8s.io'

export interface ExecOpening {
  namespace: string
  pod: string
  command: ExecStreamCommand
  /** Something is written to the command. */
  stdin?: boolean
  clock: Clock
  signal: AbortSignal
}

export interface ExecWebSocket extends ApiWebSocket {
  /** The command can be told that nothing more is written. */
  endsStdin: boolean
}

export async function openExec(client: ApiClient, opening: ExecOpening): Promise<ExecWebSocket> {
  const { namespace, pod, clock, signal } = opening
  // `exec` is a GET for WebSockets; which verb it needs depends on the server's version, and a refusal names it.
  const asked: Asked = { verb: 'get', resource: 'pods/exec', namespace, name: pod }
  const wanted = { path: execPath(opening), asked, clock, signal }
  try {
    return { ...(await openApiWebSocket(client, { ...wanted, subprotocol: NEWEST })), endsStdin: true }
  } catch (error) {
    if (!(error instanceof SubprotocolRefused)) throw error
    return { ...(await openApiWebSocket(client, { ...wanted, subprotocol: OLDER })), endsStdin: false }
  }
}

function execPath({ namespace, pod, command, stdin = false }: ExecOpening): string {
  const query = new URLSearchParams(stdin ? { stdin: 'true' } : {})
  query.set('stdout', 'true')
  query.set('stderr', 'true')
  if (command.container !== undefined) query.set('container', command.container)
  for (const word of command.command) query.append('command', word)
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/exec?${query.toString()}`
}

export function parseExecStatus(payload: Buffer): ExecStatus {
  try {
    return JSON.parse(payload.toString('utf8')) as ExecStatus
  } catch {
    return { status: 'Failure', message: payload.toString('utf8') }
  }
}
