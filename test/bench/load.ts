/**
 * What the visitors are asked for and what they tell: `test/peers/load`, in Go, so that the machine is there for what is measured. Every visitor
 * keeps one connection, asks again as soon as it has its answer, and connects anew when an answer says `Connection: close`, as every HTTP client does.
 * A stock server asks the app for that answer, and leaves the connection open all the same: `stubborn` visitors keep it.
 */
export interface Load {
  /** An IPv4 address of the entrypoint; 127.0.0.1 by default. */
  address?: string
  port: number
  host: string
  /** Of requests (`/`). */
  path?: string
  visitors: number
  /** Keeps the connection after an answer that says `Connection: close`. */
  stubborn?: boolean
  /** How long to go on, how many requests to make at least, and how many a second at most; or how many bytes each visitor moves once (down, up). */
  work: { kind: 'requests'; seconds: number; atLeast?: number; perSecond?: number } | { kind: 'down' | 'up'; bytes: number }
}

export interface LoadResult {
  requests: number
  errors: number
  seconds: number
  /** Body bytes, in the direction of the work. */
  bytes: number
  /** Milliseconds. */
  p50: number
  p99: number
}
