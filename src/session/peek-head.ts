/** Reads one HTTP request head from a stream and puts every byte back, so that whoever serves the stream finds it untouched. */
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { HeadReader } from '../http/head-reader.ts'
import { parseRequestHead } from '../http/head.ts'
import type { RequestHead } from '../http/message.ts'

/** Undefined when there is no readable head within `timeoutMs`, or the stream ended first. Never throws. */
export function peekHead(stream: Duplex, options: { clock: Clock; timeoutMs: number }): Promise<RequestHead | undefined> {
  return new Promise(resolve => {
    const reader = new HeadReader()
    const seen: Buffer[] = []
    const settle = (head: RequestHead | undefined): void => {
      timer.cancel()
      stream.off('readable', onReadable).off('end', onEnd).off('close', onEnd)
      const bytes = seen.length === 1 ? seen[0] : Buffer.concat(seen)
      if (bytes !== undefined && bytes.length > 0 && !stream.destroyed && !stream.readableEnded) stream.unshift(bytes)
      resolve(head)
    }
    const onReadable = (): void => {
      try {
        for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) {
          seen.push(chunk)
          const read = reader.push(chunk)
          if (read === undefined) continue
          settle(parseRequestHead(read.raw))
          return
        }
      } catch {
        settle(undefined) // not HTTP as we know it: decided once for the whole stream
      }
    }
    const onEnd = (): void => settle(undefined)
    const timer = options.clock.after(options.timeoutMs, () => settle(undefined), { unref: true })
    stream.on('readable', onReadable).on('end', onEnd).on('close', onEnd)
    onReadable()
  })
}
