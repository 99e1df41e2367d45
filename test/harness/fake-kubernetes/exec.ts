/** `pods/exec` of the fake API server: what a command writes is told beforehand, split over messages as the network likes. */
import net from 'node:net'
import type { WebSocket } from 'ws'

export interface FakeExec {
  stdout?: string | Buffer
  stderr?: string
  /** 0 by default. */
  exitCode?: number
  /** The connection is cut after so many bytes of stdout, as when the pod's node goes away. */
  cutAfter?: number
  /** The runtime's own refusal instead, as containerd words it. */
  failure?: string
  /** The command is a pipe to this port of this machine, as `nc` would be. */
  pipe?: number
}

/** Undefined: the container has no such program. */
export type ExecLookup = (command: readonly string[], container: string) => FakeExec | undefined

const MESSAGE_BYTES = 1_000

export function serveExec(ws: WebSocket, url: string, lookup: ExecLookup): void {
  const query = new URL(url, 'https://x').searchParams
  const command = query.getAll('command')
  const answer = lookup(command, query.get('container') ?? '') ?? {
    failure: `OCI runtime exec failed: exec failed: unable to start container process: exec: "${command[0] ?? ''}": executable file not found in $PATH: unknown`
  }
  const send = (channel: number, bytes: Buffer): void => ws.send(Buffer.concat([Buffer.from([channel]), bytes]))
  if (answer.pipe !== undefined) return pipe(ws, send, answer.pipe)
  const stdout = Buffer.from(answer.stdout ?? '')
  for (const channel of [1, 2]) send(channel, Buffer.alloc(0))
  const end = answer.cutAfter ?? stdout.length
  for (let at = 0; at < end; at += MESSAGE_BYTES) send(1, stdout.subarray(at, Math.min(at + MESSAGE_BYTES, end)))
  if (answer.cutAfter !== undefined) return ws.close(1001)
  if (answer.stderr !== undefined) send(2, Buffer.from(answer.stderr))
  send(3, Buffer.from(JSON.stringify(statusOf(answer))))
  ws.close(1000)
}

function statusOf({ exitCode = 0, failure }: FakeExec): unknown {
  if (failure !== undefined) return { status: 'Failure', reason: 'InternalError', message: failure }
  if (exitCode === 0) return { metadata: {}, status: 'Success' }
  const message = `command terminated with non-zero exit code: exit code ${exitCode}`
  return { status: 'Failure', reason: 'NonZeroExitCode', message, details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] } }
}

function pipe(ws: WebSocket, send: (channel: number, bytes: Buffer) => void, port: number): void {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('data', chunk => send(1, chunk))
  socket.on('error', () => {})
  socket.on('close', () => {
    send(3, Buffer.from(JSON.stringify({ status: 'Success' })))
    ws.close(1000)
  })
  ws.on('message', data => {
    const message = data as Buffer
    if (message[0] === 0) socket.write(message.subarray(1))
    else if (message[0] === 255) socket.end()
  })
  ws.on('close', () => socket.destroy())
}
