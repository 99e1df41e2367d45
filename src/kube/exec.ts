/** One command in a container, run to its end without stdin. */
import { StringDecoder } from 'node:string_decoder'
import { type Clock, deadline } from '../base/clock.ts'
import { InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import type { ApiClient } from './api-client.ts'
import type { ApiWebSocket } from './api-websocket.ts'
import { type ExecStatus, execExitCode, unreachable } from './errors.ts'
import { CHANNEL, MAX_STDERR, openExec, parseExecStatus } from './exec-channels.ts'
import type { Cluster, ExecCommand } from './types.ts'

/** A process environment is at most a few MiB; nobody else may fill our memory. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024
/** For the whole command. */
const LIMIT_MS = 15_000

export function podExec(client: ApiClient, clock: Clock): Cluster['exec'] {
  return async (namespace, pod, command, signal) => {
    const late = (): Error =>
      new InterceptError('CLUSTER_UNREACHABLE', `${command.command[0] ?? ''} in pod ${pod} did not end within ${LIMIT_MS / 1000} s`, {
        hint: `try it by hand: kubectl exec -n ${namespace} ${pod} -c ${command.container} -- ${command.command.join(' ')}`
      })
    const limit = deadline(clock, LIMIT_MS, late, signal)
    try {
      const api = await openExec(client, { namespace, pod, command, clock, signal: limit.signal })
      const { stdout, stderr, status } = await collect(api, command, limit.signal)
      return { stdout, stderr, exitCode: execExitCode(status) }
    } catch (error) {
      limit.signal.throwIfAborted()
      throw unreachable(error, client.server)
    } finally {
      limit.done()
    }
  }
}

interface Collected {
  stdout: Buffer
  stderr: string
  status: ExecStatus
}

function collect({ ws, socket }: ApiWebSocket, { command }: ExecCommand, signal: AbortSignal): Promise<Collected> {
  const { promise, resolve, reject } = Promise.withResolvers<Collected>()
  const stdout: Buffer[] = []
  const stderr = new StringDecoder('utf8')
  let stderrText = ''
  let bytes = 0
  let status: ExecStatus | undefined
  const fail = (error: unknown): void => {
    ws.terminate()
    socket.destroy()
    reject(error)
  }
  const onAbort = (): void => fail(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  ws.binaryType = 'nodebuffer'
  ws.on('message', data => {
    const message = data as Buffer
    const payload = message.subarray(1)
    if (message[0] === CHANNEL.error) status = parseExecStatus(payload)
    else if (message[0] === CHANNEL.stdout) {
      bytes += payload.length
      if (bytes > MAX_OUTPUT_BYTES) fail(new Error(`${command[0] ?? ''} wrote more than ${MAX_OUTPUT_BYTES / 1024 / 1024} MiB`))
      else stdout.push(Buffer.from(payload))
    } else if (message[0] === CHANNEL.stderr && stderrText.length < MAX_STDERR) stderrText += stderr.write(payload)
  })
  ws.on('error', fail)
  ws.on('close', () => {
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
    if (status === undefined) reject(new Error('the connection to the container was cut'))
    else resolve({ stdout: Buffer.concat(stdout), stderr: printable(stderrText, MAX_STDERR), status })
  })
  if (signal.aborted) onAbort()
  ws.resume()
  return promise.finally(() => signal.removeEventListener('abort', onAbort))
}
