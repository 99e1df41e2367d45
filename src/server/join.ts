/**
 * From here on raw bytes: visitor and stream are spliced. An end is passed on as an end; where the connector cannot be told (gost has no half-close)
 * the other side gets a limited time without bytes to finish by itself.
 */
import type { Timer } from '../base/clock.ts'
import { splice } from '../transport/splice.ts'
import type { SpliceResult } from '../transport/types.ts'
import type { Refusal } from './answer.ts'
import { countRefusal, type ServerContext, type Visitor } from './context.ts'
import type { TunnelStream } from './registry.ts'

export interface JoinOptions {
  context: ServerContext
  /** For the visitor, read already. */
  early?: Buffer
  /** The protocol knows no half-close (WebSocket): a visitor that ended has left. */
  endIsLeaving?: boolean
}

/** Takes over the visitor's connection from its reader. */
export async function joinVisitor(visitor: Visitor, stream: TunnelStream, rest: JoinOptions): Promise<SpliceResult> {
  const { clock, limits } = rest.context
  const stop = new AbortController()
  let timer: Timer | undefined
  const watch = (): void => {
    timer?.cancel()
    timer = clock.after(limits.halfClosedMs, () => stop.abort(), { unref: true })
  }
  const read = visitor.reader.release()
  if (read.length > 0) stream.connection.write(read)
  if (rest.early !== undefined && rest.early.length > 0) visitor.connection.write(rest.early)
  const joined = splice(visitor.connection, stream.connection, {
    signal: stop.signal,
    onEnd: direction => {
      if (direction !== 'out') return
      if (rest.endIsLeaving === true) stream.connection.once('finish', () => stream.connection.destroy())
      else if (stream.connector.peer === 'gost') watch()
    },
    onBytes: () => {
      if (timer !== undefined) watch()
    }
  })
  visitor.connection.resume()
  stream.connection.resume()
  const result = await joined
  timer?.cancel()
  return result
}

/** The visitor gets this stream, and counts as in progress; without one it is closed: there is no word that every protocol knows. */
export async function joinOrClose(visitor: Visitor, stream: TunnelStream | undefined, why: Refusal, context: ServerContext): Promise<void> {
  if (stream === undefined) {
    countRefusal(context, why)
    visitor.connection.destroy()
    return
  }
  visitor.busy = true
  context.active.count += 1
  try {
    await joinVisitor(visitor, stream, { context })
  } finally {
    context.active.count -= 1
  }
}
