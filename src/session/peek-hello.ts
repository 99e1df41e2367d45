/** Reads one TLS ClientHello from a stream and puts every byte back, so that whoever serves the stream finds it untouched. */
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { type ClientHello, HELLO_LIMIT_BYTES, parseClientHello } from '../capture/tls-hello.ts'

/** Undefined when there is none within `timeoutMs`, or the stream ended first. Never throws. */
export function peekHello(stream: Duplex, options: { clock: Clock; timeoutMs: number }): Promise<ClientHello | undefined> {
  return new Promise(resolve => {
    let seen = Buffer.alloc(0)
    const settle = (hello: ClientHello | undefined): void => {
      timer.cancel()
      stream.off('readable', onReadable).off('end', onEnd).off('close', onEnd)
      if (seen.length > 0 && !stream.destroyed && !stream.readableEnded) stream.unshift(seen)
      resolve(hello)
    }
    const onReadable = (): void => {
      for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) seen = Buffer.concat([seen, chunk])
      if (seen.length === 0) return
      const hello = parseClientHello(seen)
      if (hello !== 'more' || seen.length > HELLO_LIMIT_BYTES) settle(hello === 'more' ? undefined : hello)
    }
    const onEnd = (): void => settle(undefined)
    const timer = options.clock.after(options.timeoutMs, () => settle(undefined), { unref: true })
    stream.on('readable', onReadable).on('end', onEnd).on('close', onEnd)
    onReadable()
  })
}
