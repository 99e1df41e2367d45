/** The connector's end of the control channel (`control-channel.ts`): asks our own server for things a stock one cannot do. */
import { deferred } from '../base/closable.ts'
import { InterceptError } from '../base/errors.ts'
import type { SmuxStream } from '../smux/types.ts'
import {
  ControlDecoder,
  encodeControl,
  type ControlMessage,
  type Hello,
  type Neighbour,
  type Objection,
  type Welcome
} from './control-channel.ts'

export interface ControlOptions {
  hello: Hello
  /** The server shuts down: whoever has another one is served there. */
  onLeaving?: (() => void) | undefined
}

export interface Control {
  /** The server knows who we are and sends streams from now on. Undefined: it ended the channel. Rejects when it refuses us: TAKEN, or TUNNEL_REJECTED by its policy or for a filter it cannot use. */
  readonly welcome: Promise<Welcome | undefined>
  /** Resolves once the server sends no more streams (or the link ended, or `signal` aborted): who takes the visitors now, where the server tells. */
  drain(signal: AbortSignal): Promise<readonly Neighbour[] | undefined>
  /** From now on only what matches; '' is all. Rejects with TAKEN when somebody else has that filter, with TUNNEL_REJECTED when the policy allows none or the server cannot use it. */
  filter(text: string, signal: AbortSignal): Promise<void>
  /** This stream reached no app. `told` is called when that is on its way: only then may the stream be destroyed. */
  declined(stream: number, told: () => void): void
  health(up: boolean): void
}

type Reply = 'drained' | 'filtered' | 'weighted'

export function openControl(stream: SmuxStream, { hello, onLeaving }: ControlOptions): Control {
  const decoder = new ControlDecoder()
  const greeted = deferred<Welcome | undefined>()
  const waiting = new Map<Reply, Set<(message: ControlMessage | undefined) => void>>()

  const send = (message: ControlMessage, sent: () => void = () => {}): void => {
    if (stream.destroyed || stream.writableEnded) sent()
    else stream.write(encodeControl(message), () => sent())
  }
  const answer = (reply: Reply, message: ControlMessage | undefined): void => {
    for (const settle of waiting.get(reply) ?? []) settle(message)
  }
  const receive = (message: ControlMessage): void => {
    switch (message.type) {
      case 'ping':
        send({ type: 'pong' })
        break
      case 'welcome': {
        const { type: _, ...welcome } = message
        greeted.resolve(welcome)
        break
      }
      case 'refused':
        if (message.to === 'hello') greeted.reject(refusal(message))
        else answer(message.to === 'filter' ? 'filtered' : 'weighted', message)
        break
      case 'drained':
      case 'filtered':
      case 'weighted':
        answer(message.type, message)
        break
      case 'leaving':
        onLeaving?.()
        break
      case 'pong':
      case 'hello':
      case 'drain':
      case 'weight':
      case 'filter':
      case 'declined':
      case 'health':
        break // an answer to nobody, or ours to send
    }
  }
  const ask = (message: ControlMessage, reply: Reply, signal: AbortSignal): Promise<ControlMessage | undefined> =>
    new Promise(resolve => {
      const settle = (answered: ControlMessage | undefined): void => {
        waiting.get(reply)?.delete(settle)
        signal.removeEventListener('abort', onAbort)
        resolve(answered)
      }
      const onAbort = (): void => settle(undefined)
      if (stream.destroyed || signal.aborted) {
        resolve(undefined)
        return
      }
      const settles = waiting.get(reply) ?? new Set()
      waiting.set(reply, settles.add(settle))
      signal.addEventListener('abort', onAbort, { once: true })
      send(message)
    })

  send({ type: 'hello', ...hello })
  stream.on('error', () => {}) // `close` follows
  stream.on('close', () => {
    greeted.resolve(undefined)
    for (const reply of waiting.keys()) answer(reply, undefined)
  })
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const message of decoder.push(chunk)) receive(message)
    } catch {
      stream.destroy() // not a control channel after all: drain falls back to a quiet moment
    }
  })
  return {
    welcome: greeted.promise,
    drain: async signal => {
      const drained = await ask({ type: 'drain' }, 'drained', signal)
      return drained?.type === 'drained' ? drained.others : undefined
    },
    filter: async (filter, signal) => {
      const answered = await ask({ type: 'filter', filter }, 'filtered', signal)
      if (answered?.type === 'refused') throw refusal(answered)
    },
    declined: (id, told) => send({ type: 'declined', stream: id }, told),
    health: up => send({ type: 'health', up })
  }
}

function refusal({ why, because }: Objection): InterceptError {
  if (because === 'policy') {
    return new InterceptError('TUNNEL_REJECTED', `the policy of the tunnel server refuses this: ${why}`, {
      hint: 'leave it out, or ask whoever runs the server to allow it in --policy; other credentials: --tunnel-auth USER:PASS'
    })
  }
  if (because === 'taken') {
    return new InterceptError('TAKEN', `the tunnel server refuses this connector: ${why}`, {
      hint: 'share it with them: --join; or see who is there: kubectl intercept list'
    })
  }
  return new InterceptError('TUNNEL_REJECTED', `the tunnel server cannot use this filter: ${why}`, {
    hint: 'say it in other words (docs/filter.md); a server that is older than this plugin may know fewer of them'
  })
}
