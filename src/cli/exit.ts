/** The only place that ends the process: after what was written has left, or at once. */
import type { Writable } from 'node:stream'

/** Waits until the streams have handed on what they hold; a stream that fails has nothing more to hand on. */
export async function flush(streams: readonly Writable[]): Promise<void> {
  await Promise.all(
    streams.map(
      stream =>
        new Promise<void>(resolve => {
          if (stream.destroyed || stream.writableEnded || stream.writableLength === 0) return resolve()
          stream.once('error', () => resolve())
          stream.once('close', () => resolve())
          stream.write('', () => resolve())
        })
    )
  )
}

/** `atOnce`: a second Ctrl-C does not wait for a reader that stands still. */
export async function exit(code: number, streams: readonly Writable[], options: { atOnce: boolean }): Promise<never> {
  if (!options.atOnce) await flush(streams)
  process.exit(code)
}
