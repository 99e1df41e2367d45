/** HTTP visitors of any version: HTTP/2 begins with its preface, everything else is read as HTTP/1. */
import type { ServerContext, Visitor } from './context.ts'
import { serveHttp } from './http-entrypoint.ts'
import { serveHttp2 } from './http2-entrypoint.ts'
import { isPreface, mayBePreface } from './http2-preface.ts'

/** `first`: the visitor's first byte, still in the reader. Resolves when its connection is over. */
export async function serveAnyHttp(visitor: Visitor, first: number, context: ServerContext): Promise<void> {
  if (mayBePreface(first) && (await beginsHttp2(visitor, context))) await serveHttp2(visitor, context)
  else await serveHttp(visitor, context)
}

/** Waits for it, left in place; undefined when none came in time. */
export async function firstByte(visitor: Visitor, { clock, limits }: ServerContext): Promise<number | undefined> {
  const { reader, connection } = visitor
  const timer = clock.after(limits.headTimeoutMs, () => connection.destroy(), { unref: true })
  try {
    await reader.more()
    visitor.idle = false
    return reader.firstByte
  } finally {
    timer.cancel()
  }
}

/** Tells HTTP/2 from POST, PUT and PATCH. All bytes stay in the reader. */
async function beginsHttp2({ reader, connection }: Visitor, { clock, limits }: ServerContext): Promise<boolean> {
  const timer = clock.after(limits.headTimeoutMs, () => connection.destroy(), { unref: true })
  let bytes: Buffer = Buffer.alloc(0)
  try {
    for (;;) {
      const chunk = reader.take()
      if (chunk !== undefined) bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
      const known = isPreface(bytes)
      if (known !== undefined) return known
      if (!(await reader.more())) return false
    }
  } finally {
    timer.cancel()
    reader.putBack(bytes)
  }
}
