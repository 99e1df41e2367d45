/** A command in a container whose output is a stream: its reader's pace is the command's, through the socket. `exec-channels.ts` has the protocol. */
import { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { deferred } from '../base/closable.ts'
import type { Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import type { ApiClient } from './api-client.ts'
import type { ApiWebSocket } from './api-websocket.ts'
import { type ExecStatus, execExitCode, unreachable } from './errors.ts'
import { CHANNEL, MAX_STDERR, openExec, parseExecStatus } from './exec-channels.ts'
import type { Cluster, ExecStream } from './types.ts'

/** Without a byte for this long, though somebody reads, the line or the node is gone. */
const SILENCE_MS = 60_000

export function podExecStream(client: ApiClient, clock: Clock): Cluster['execStream'] {
  return async (namespace, pod, command, signal) => {
    try {
      return streamOf(await openExec(client, { namespace, pod, command, clock, signal }), clock, signal)
    } catch (error) {
      signal.throwIfAborted()
      throw unreachable(error, client.server)
    }
  }
}

function streamOf({ ws, socket }: ApiWebSocket, clock: Clock, signal: AbortSignal): ExecStream {
  const ended = deferred<{ stderr: string; exitCode: number }>()
  const decoder = new StringDecoder('utf8')
  let stderr = ''
  let status: ExecStatus | undefined
  let heardAt = clock.now()
  const stdout = new Readable({
    read() {
      heardAt = clock.now()
      ws.resume()
    },
    destroy(error, done) {
      finish(error ?? new Error('the output is no longer wanted'))
      done(error)
    }
  })
  const watchdog = clock.every(SILENCE_MS / 4, () => {
    if (!ws.isPaused && clock.now() - heardAt > SILENCE_MS) stdout.destroy(new Error(`no byte came for ${SILENCE_MS / 1000} s`))
  })
  const onAbort = (): void => void stdout.destroy(asError(signal.reason))
  const finish = (problem: Error): void => {
    watchdog.cancel()
    signal.removeEventListener('abort', onAbort)
    ws.terminate()
    socket.destroy()
    ended.reject(problem) // without effect when it has ended by itself
  }
  signal.addEventListener('abort', onAbort, { once: true })
  ws.binaryType = 'nodebuffer'
  ws.on('message', data => {
    const message = data as Buffer
    const payload = message.subarray(1)
    heardAt = clock.now()
    if (message[0] === CHANNEL.error) status = parseExecStatus(payload)
    else if (message[0] === CHANNEL.stderr && stderr.length < MAX_STDERR) stderr += decoder.write(payload)
    else if (message[0] === CHANNEL.stdout && payload.length > 0 && !stdout.push(Buffer.from(payload))) ws.pause()
  })
  ws.on('error', error => void stdout.destroy(error))
  ws.on('close', () => {
    if (status === undefined) return void stdout.destroy(new Error('the connection to the container was cut'))
    try {
      ended.resolve({ stderr: printable(stderr, MAX_STDERR), exitCode: execExitCode(status) })
      stdout.push(null)
    } catch (error) {
      stdout.destroy(asError(error))
    }
  })
  if (signal.aborted) onAbort()
  ws.resume()
  return { stdout, ended: ended.promise }
}
