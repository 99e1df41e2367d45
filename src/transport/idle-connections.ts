/**
 * Connections to the local app that wait for their next request. Opening one costs more than all the rest of a small request. They wait for
 * less time than any app keeps them open, and only requests that may be sent twice are put on one: it can close in that very moment.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'

/** Far below what apps allow (Node and uvicorn 5 s, gunicorn 2 s), far above the pauses of a load that makes it worth while. */
const IDLE_MS = 1_000
/** Where so many wait at a time, the app does not serve one connection after the other: nobody waits for the idle ones to end. */
const MANY = 8
const MANY_MS = 4_000
const MAX_IDLE = 256

/** Who reads a connection while it is in use, without listeners of its own. */
export interface AppReader {
  onData(chunk: Buffer): void
  onEnd(): void
  /** It closed. */
  onGone(): void
}

export interface IdleConnections {
  readonly size: number
  /** One that is ready for a request now, the latest used first. */
  take(): Connection | undefined
  /** Has it read by this reader; without one the caller listens himself. */
  adopt(connection: Connection, reader: AppReader): void
  /** Its reader is called no more. */
  release(connection: Connection): void
  /** Has every connection that comes back: false when it is of no use, and left to the caller. */
  put(connection: Connection): boolean
  close(): void
}

interface Entry {
  readonly connection: Connection
  reader: AppReader | undefined
  idle: boolean
  since: number
}

export function idleConnections(clock: Clock): IdleConnections {
  /** The one that waits longest comes first. */
  const idle: Entry[] = []
  const entries = new WeakMap<Connection, Entry>()
  let timer: Timer | undefined
  let closed = false

  const sweep = (): void => {
    timer = undefined
    const before = clock.now() - (idle.length > MANY ? MANY_MS : IDLE_MS)
    for (let entry = idle[0]; entry !== undefined && entry.since <= before; entry = idle[0]) {
      idle.shift()
      entry.idle = false
      entry.connection.destroy()
    }
    if (idle.length > 0) timer = clock.after(IDLE_MS / 2, sweep, { unref: true })
  }
  const enter = (connection: Connection): Entry => {
    const entry: Entry = { connection, reader: undefined, idle: false, since: 0 }
    entries.set(connection, entry)
    // Whatever happens to it while it waits, it is done with: the app closed it, or said something that nobody asked for.
    const drop = (): void => {
      if (!entry.idle) return
      entry.idle = false
      idle.splice(idle.indexOf(entry), 1)
      connection.destroy()
    }
    connection
      .on('data', (chunk: Buffer) => (entry.reader === undefined ? drop() : entry.reader.onData(chunk)))
      .on('end', () => (entry.reader === undefined ? drop() : entry.reader.onEnd()))
      .on('close', () => (entry.reader === undefined ? drop() : entry.reader.onGone()))
    return entry
  }

  return {
    get size() {
      return idle.length
    },
    take() {
      const entry = idle.pop()
      if (entry === undefined) return undefined
      entry.idle = false
      return entry.connection
    },
    adopt(connection, reader) {
      const entry = entries.get(connection) ?? enter(connection)
      entry.reader = reader
      if (connection.isPaused()) connection.resume()
    },
    release(connection) {
      const entry = entries.get(connection)
      if (entry !== undefined) entry.reader = undefined
    },
    put(connection) {
      const ready = !connection.destroyed && !connection.readableEnded && connection.writable && connection.writableLength === 0
      if (closed || !ready || connection.readableLength > 0 || idle.length >= MAX_IDLE) return false
      const entry = entries.get(connection) ?? enter(connection)
      entry.reader = undefined
      entry.idle = true
      entry.since = clock.now()
      idle.push(entry)
      if (connection.isPaused()) connection.resume()
      timer ??= clock.after(IDLE_MS, sweep, { unref: true })
      return true
    },
    close() {
      closed = true
      timer?.cancel()
      for (const entry of idle.splice(0)) {
        entry.idle = false
        entry.connection.destroy()
      }
    }
  }
}
