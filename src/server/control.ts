/** The server's end of the control channel: hears who a connector is and what it asks for, answers, and asks for a sign of life. */
import type { Clock } from '../base/clock.ts'
import type { SmuxStream } from '../smux/types.ts'
import {
  ControlDecoder,
  encodeControl,
  type ControlMessage,
  type Hello,
  type Neighbour,
  type Objection,
  TEXT_LIMIT,
  type Welcome
} from '../tunnel/control-channel.ts'

export interface ServerControlOptions {
  clock: Clock
  /** Between two pings. */
  beatMs: number
  /** Told to a connector that is welcome. */
  welcome: () => Welcome
  /** Who it is. Undefined: welcome. */
  onHello: (hello: Hello) => Objection | undefined
  /** Asks for no more; returns who takes the visitors now. */
  onDrain: () => Neighbour[]
  /** As `onHello`. */
  onWeight: (weight: number) => Objection | undefined
  /** '' is none. As `onHello`. */
  onFilter: (filter: string) => Objection | undefined
  onDeclined: (stream: number) => void
  /** A ping was not answered before the next one was due. */
  onMissed: () => void
  /** This process itself stood still: silence before now says nothing of the connector. */
  onLate: () => void
  onHealth: (up: boolean) => void
}

export interface ServerControl {
  /** True once the connector has shown that it knows pings, so that silence means something. */
  readonly beating: boolean
  /** This server shuts down. */
  leaving(): void
  stop(): void
}

/** A timer that fires so much late: the process was stopped, or starved. */
export const LATE_MS = 500
/** Half of a stream's initial window: a peer that never reads its answers is cut off there. */
const UNREAD_LIMIT_BYTES = 65_536

export function acceptControl(stream: SmuxStream, options: ServerControlOptions): ServerControl {
  const decoder = new ControlDecoder()
  let beating = false
  let answered = true
  const send = (message: ControlMessage): void => {
    if (stream.destroyed || stream.writableEnded) return
    if (stream.writableLength > UNREAD_LIMIT_BYTES) stream.destroy()
    else stream.write(encodeControl(message))
  }
  const reply = (to: 'hello' | 'weight' | 'filter', objection: Objection | undefined, done: ControlMessage): void =>
    send(objection === undefined ? done : { type: 'refused', to, ...objection, why: objection.why.slice(0, TEXT_LIMIT) })
  const receive = (message: ControlMessage): void => {
    switch (message.type) {
      case 'hello': {
        const { type: _, ...hello } = message
        beating = true
        reply('hello', options.onHello(hello), { type: 'welcome', ...options.welcome() })
        break
      }
      case 'drain':
        send({ type: 'drained', others: options.onDrain() })
        break
      case 'weight':
        reply('weight', options.onWeight(message.weight), { type: 'weighted' })
        break
      case 'filter':
        reply('filter', options.onFilter(message.filter), { type: 'filtered' })
        break
      case 'declined':
        options.onDeclined(message.stream)
        break
      case 'health':
        options.onHealth(message.up)
        break
      case 'ping':
        beating = true
        send({ type: 'pong' })
        break
      case 'pong':
        beating = true
        answered = true
        break
      case 'welcome':
      case 'refused':
      case 'drained':
      case 'weighted':
      case 'filtered':
      case 'leaving':
        break // ours to send
    }
  }
  let beatAt = options.clock.now()
  const beat = (): void => {
    const now = options.clock.now()
    if (now - beatAt > options.beatMs + LATE_MS) options.onLate()
    beatAt = now
    if (beating && !answered) options.onMissed()
    answered = false
    send({ type: 'ping' })
  }
  const timer = options.clock.every(options.beatMs, beat, { unref: true })
  const stop = (): void => {
    timer.cancel()
    beating = false
  }
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const message of decoder.push(chunk)) receive(message)
    } catch {
      stream.destroy() // not one of ours after all: treated like a stock connector from now on
    }
  })
  stream.once('end', () => stream.end())
  stream.once('close', stop)
  return {
    get beating() {
      return beating
    },
    leaving: () => send({ type: 'leaving' }),
    stop
  }
}
