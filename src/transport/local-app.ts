/** The app beside a connector: dialled once per stream, and polled only while its port is closed. */
import type { Clock, Timer } from '../base/clock.ts'
import { closeOnce, type Closable } from '../base/closable.ts'
import { formatEndpoint, type Connection, type Endpoint } from '../base/connection.ts'
import { errnoOf } from '../base/errors.ts'
import { type Connect, dialTcp } from './tcp.ts'

export interface LocalAppOptions {
  address: Endpoint
  clock: Clock
  onChange: (up: boolean, cause: string) => void
  pollMs?: number
}

export interface LocalApp extends Closable {
  readonly address: string
  readonly up: boolean
  /** Rejects when nothing accepts there; the app then counts as down until its port opens again. */
  dial: Connect
  /** Looks once, now. */
  check(signal: AbortSignal): Promise<boolean>
  /** Resolves when the port accepts; looks every `pollMs` meanwhile. */
  whenUp(signal: AbortSignal): Promise<void>
}

export function localApp(options: LocalAppOptions): LocalApp {
  const { clock, pollMs = 200 } = options
  const connect = dialTcp(options.address, { pooled: true })
  const address = formatEndpoint(options.address)
  const stop = new AbortController()
  const waiting = new Set<() => void>()
  let up = true
  let poll: Timer | undefined

  const set = (now: boolean, cause: string): void => {
    if (now) {
      for (const resolve of waiting) resolve()
      waiting.clear()
    }
    if (up === now) return
    up = now
    options.onChange(now, cause)
    if (!now) schedule()
  }
  const look = async (): Promise<boolean> => {
    try {
      const connection = await connect(stop.signal)
      connection.on('error', () => {}) // only the accept was of interest
      connection.destroy()
      set(true, 'port opened')
      return true
    } catch (error) {
      if (!stop.signal.aborted) set(false, causeOf(error))
      return false
    }
  }
  const schedule = (): void => {
    if (stop.signal.aborted) return
    poll?.cancel()
    poll = clock.after(pollMs, () => {
      void look().then(now => {
        if (!now) schedule()
      })
    })
  }

  const dial = async (signal?: AbortSignal): Promise<Connection> => {
    try {
      const connection = await connect(signal)
      if (!up) set(true, 'port opened')
      return connection
    } catch (error) {
      if (signal?.aborted !== true) set(false, causeOf(error))
      throw error
    }
  }

  return {
    address,
    get up() {
      return up
    },
    dial,
    check: () => look(),
    async whenUp(signal) {
      if (await look()) return
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason)
        waiting.add(() => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        })
        signal.addEventListener('abort', onAbort, { once: true })
        if (signal.aborted) onAbort()
      })
    },
    close: closeOnce(() => {
      stop.abort()
      poll?.cancel()
    })
  }
}

const causeOf = (error: unknown): string => {
  const errno = errnoOf(error)
  return errno === 'ECONNREFUSED' ? 'port closed' : (errno ?? 'cannot connect')
}
