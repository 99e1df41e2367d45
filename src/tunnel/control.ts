/** The connector's end of the control channel (`control-channel.ts`): asks our own server for things a stock one cannot do. */
import type { SmuxStream } from '../smux/types.ts'
import { ControlDecoder, encodeControl, type ControlMessage } from './control-channel.ts'

export interface Control {
  /** Resolves once the server sends no more streams (or the link ended, or `signal` aborted). */
  drain(signal: AbortSignal): Promise<void>
}

export function openControl(stream: SmuxStream): Control {
  const decoder = new ControlDecoder()
  const waiting = new Map<ControlMessage['type'], Set<(answered: boolean) => void>>()
  const answer = (type: ControlMessage['type']): void => {
    for (const settle of waiting.get(type) ?? []) settle(true)
  }
  const giveUp = (): void => {
    for (const settles of waiting.values()) for (const settle of settles) settle(false)
  }
  const ask = (message: ControlMessage, reply: ControlMessage['type'], signal: AbortSignal): Promise<boolean> =>
    new Promise(resolve => {
      const settle = (answered: boolean): void => {
        waiting.get(reply)?.delete(settle)
        signal.removeEventListener('abort', onAbort)
        resolve(answered)
      }
      const onAbort = (): void => settle(false)
      if (stream.destroyed || signal.aborted) {
        resolve(false)
        return
      }
      const settles = waiting.get(reply) ?? new Set()
      waiting.set(reply, settles.add(settle))
      signal.addEventListener('abort', onAbort, { once: true })
      stream.write(encodeControl(message))
    })
  stream.write(encodeControl({ type: 'ping' })) // tells the server which stream this is
  stream.on('error', () => {}) // `close` follows
  stream.on('close', giveUp)
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const message of decoder.push(chunk)) {
        if (message.type === 'ping') stream.write(encodeControl({ type: 'pong' }))
        else answer(message.type)
      }
    } catch {
      stream.destroy() // not a control channel after all: drain falls back to a quiet moment
    }
  })
  return {
    drain: async signal => {
      await ask({ type: 'drain' }, 'drained', signal)
    }
  }
}
