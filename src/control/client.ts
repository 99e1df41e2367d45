/** Speaks to the socket of a running session. */
import { once } from 'node:events'
import net from 'node:net'
import { EXIT_CODES, type ErrorCode, InterceptError } from '../base/errors.ts'
import type { ErrorShape } from '../event/types.ts'
import { readLines } from './lines.ts'
import { type Args, readAnswer, type Result } from './message.ts'

/** A status names every target of a session, and events pass too. */
const MAX_ANSWER_BYTES = 4 * 1_048_576

/** Runs one command. Rejects with the session's InterceptError, with NO_SESSION when it ended meanwhile, or with Node's error when nothing listens. */
export async function sendCommand(socketPath: string, command: string, args: Args, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted()
  const socket = net.connect({ path: socketPath, allowHalfOpen: true })
  const stop = (): void => {
    socket.destroy()
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    await once(socket, 'connect', { signal })
    socket.on('error', () => {}) // the reading below ends with it
    socket.write(`${JSON.stringify({ id: '1', command, args })}\n`)
    return await waitForAnswer(socket, signal)
  } finally {
    signal.removeEventListener('abort', stop)
    socket.destroy()
  }
}

async function waitForAnswer(socket: net.Socket, signal: AbortSignal): Promise<Result> {
  try {
    for await (const line of readLines(socket, MAX_ANSWER_BYTES)) {
      const answer = readAnswer(line)
      if (answer?.id !== '1') continue
      if (answer.ok) return answer.result ?? {}
      throw errorOf(answer.error)
    }
  } catch (error) {
    if (error instanceof InterceptError) throw error
    signal.throwIfAborted()
  }
  signal.throwIfAborted()
  throw new InterceptError('NO_SESSION', 'the session ended before it answered', { hint: 'see what runs: kubectl intercept list' })
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(EXIT_CODES, code)

function errorOf(shape: ErrorShape = { code: '', message: 'no reason given' }): InterceptError {
  const code = isErrorCode(shape.code) ? shape.code : 'NO_SESSION'
  return new InterceptError(code, shape.message, shape.hint === undefined ? {} : { hint: shape.hint })
}
