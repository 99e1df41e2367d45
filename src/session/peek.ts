/** Looks at what a stream begins with and puts every byte back, so that whoever serves the stream finds it untouched. */
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { type ClientHello, HELLO_LIMIT_BYTES, parseClientHello } from '../capture/tls-hello.ts'
import { HeadReader } from '../http/head-reader.ts'
import { parseRequestHead } from '../http/head.ts'
import type { RequestHead } from '../http/message.ts'

interface PeekOptions {
  clock: Clock
  timeoutMs: number
}

/** One HTTP request head. Undefined when there is no readable one within `timeoutMs`, or the stream ended first. Never throws. */
export function peekHead(stream: Duplex, options: PeekOptions): Promise<RequestHead | undefined> {
  const reader = new HeadReader()
  return peek(stream, options, chunk => {
    const read = reader.push(chunk)
    return read === undefined ? 'more' : parseRequestHead(read.raw)
  })
}

/** One TLS ClientHello, on the same terms. */
export function peekHello(stream: Duplex, options: PeekOptions): Promise<ClientHello | undefined> {
  let seen = Buffer.alloc(0)
  return peek(stream, options, chunk => {
    seen = Buffer.concat([seen, chunk])
    const hello = parseClientHello(seen)
    return hello === 'more' && seen.length > HELLO_LIMIT_BYTES ? undefined : hello
  })
}

/** `look` gets each chunk once; what it throws means that there is nothing of the kind. */
function peek<T>(stream: Duplex, options: PeekOptions, look: (chunk: Buffer) => T | 'more' | undefined): Promise<T | undefined> {
  return new Promise(resolve => {
    const seen: Buffer[] = []
    const settle = (found: T | undefined): void => {
      timer.cancel()
      stream.off('readable', onReadable).off('end', onEnd).off('close', onEnd)
      const bytes = seen.length === 1 ? seen[0] : Buffer.concat(seen)
      if (bytes !== undefined && bytes.length > 0 && !stream.destroyed && !stream.readableEnded) stream.unshift(bytes)
      resolve(found)
    }
    const onReadable = (): void => {
      try {
        for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) {
          seen.push(chunk)
          const found = look(chunk)
          if (found === 'more') continue
          settle(found)
          return
        }
      } catch {
        settle(undefined) // not what we know: decided once for the whole stream
      }
    }
    const onEnd = (): void => settle(undefined)
    const timer = options.clock.after(options.timeoutMs, () => settle(undefined), { unref: true })
    stream.on('readable', onReadable).on('end', onEnd).on('close', onEnd)
    onReadable()
  })
}
