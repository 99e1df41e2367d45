/** The server's end of the control channel: hears drain and weight, answers each, and asks for a sign of life. */
import type { Clock } from '../base/clock.ts'
import type { SmuxStream } from '../smux/types.ts'
import { ControlDecoder, encodeControl, type ControlMessage } from '../tunnel/control-channel.ts'

export interface ServerControlOptions {
  clock: Clock
  /** Between two pings. */
  beatMs: number
  onDrain: () => void
  onWeight: (weight: number) => void
}

export interface ServerControl {
  /** True once the connector has shown that it knows pings, so that silence means something. */
  readonly beating: boolean
  stop(): void
}

/** Half of a stream's initial window: a peer that never reads its answers is cut off there. */
const UNREAD_LIMIT_BYTES = 65_536

export function acceptControl(stream: SmuxStream, options: ServerControlOptions): ServerControl {
  const decoder = new ControlDecoder()
  let beating = false
  const send = (message: ControlMessage): void => {
    if (stream.destroyed || stream.writableEnded) return
    if (stream.writableLength > UNREAD_LIMIT_BYTES) stream.destroy()
    else stream.write(encodeControl(message))
  }
  const receive = (message: ControlMessage): void => {
    switch (message.type) {
      case 'drain':
        options.onDrain()
        send({ type: 'drained' })
        break
      case 'weight':
        options.onWeight(message.weight)
        send({ type: 'weighted' })
        break
      case 'ping':
        beating = true
        send({ type: 'pong' })
        break
      case 'pong':
        beating = true
        break
      case 'drained':
      case 'weighted':
        break // ours to send
    }
  }
  const timer = options.clock.every(options.beatMs, () => send({ type: 'ping' }), { unref: true })
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
    stop
  }
}
