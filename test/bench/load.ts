/**
 * The visitors, as a program of their own: `node load.ts JSON` makes the load and prints the result as one JSON line. Every visitor keeps
 * one connection, asks again as soon as it has its answer, and connects anew when an answer says `Connection: close`, as every HTTP client does.
 * A stock server asks the app for that answer, and leaves the connection open all the same: `stubborn` visitors keep it.
 */
import net from 'node:net'

export interface Load {
  /** Of the entrypoint; 127.0.0.1 by default. */
  address?: string
  port: number
  host: string
  /** Of requests (`/`). */
  path?: string
  visitors: number
  /** Keeps the connection after an answer that says `Connection: close`. */
  stubborn?: boolean
  /** How long to go on and how many requests to make at least, or how many bytes each visitor moves once (down, up). */
  work: { kind: 'requests'; seconds: number; atLeast?: number } | { kind: 'down' | 'up'; bytes: number }
}

export interface LoadResult {
  requests: number
  errors: number
  seconds: number
  /** Body bytes, in the direction of the work. */
  bytes: number
  p50: number
  p99: number
}

const BLOCK = Buffer.alloc(262_144, 'u')
const HEAD_END = Buffer.from('\r\n\r\n')

/** One visitor: resolves with the body bytes of each answer; any answer but 200 rejects. */
class Visitor {
  readonly #socket: net.Socket
  #answered: ((bytes: number) => void) | undefined
  #failed: ((error: Error) => void) | undefined
  #head: Buffer = Buffer.alloc(0)
  #length = 0
  #left = -1
  /** The last answer that came in one piece, and its body: most are the same again, and reading them anew would make the visitors the bottleneck. */
  #known: Buffer = Buffer.alloc(0)
  #knownLength = 0
  /** The last answer said `Connection: close`. */
  closes = false

  constructor(load: Load) {
    this.#socket = net.connect({ port: load.port, host: load.address ?? '127.0.0.1', noDelay: true })
    this.#socket.on('data', chunk => this.#read(chunk))
    this.#socket.on('error', error => this.#failed?.(error))
    this.#socket.on('close', () => this.#failed?.(new Error('the connection was closed')))
  }

  ask(head: string, body = 0): Promise<number> {
    const answer = new Promise<number>((resolve, reject) => {
      this.#answered = resolve
      this.#failed = reject
    })
    this.#socket.write(head)
    if (body > 0) this.#upload(body)
    return answer
  }

  close(): void {
    this.#failed = undefined
    this.#socket.destroy()
  }

  #upload(bytes: number): void {
    let left = bytes
    const more = (): void => {
      while (left > 0 && !this.#socket.destroyed) {
        const block = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK
        left -= block.length
        if (!this.#socket.write(block)) {
          this.#socket.once('drain', more)
          return
        }
      }
    }
    more()
  }

  #read(chunk: Buffer): void {
    let data = chunk
    if (this.#left < 0) {
      if (this.#head.length === 0 && chunk.equals(this.#known)) {
        this.#answered?.(this.#knownLength)
        return
      }
      const whole = this.#head.length === 0
      this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk])
      const end = this.#head.indexOf(HEAD_END)
      if (end === -1) return
      const head = this.#head.toString('latin1', 0, end)
      this.closes = /\r\nconnection: *close/i.test(head)
      this.#length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN)
      if (!head.startsWith('HTTP/1.1 200') || Number.isNaN(this.#length)) {
        this.#failed?.(new Error(`not an answer to count: ${head.slice(0, 60)}`))
        return
      }
      data = this.#head.subarray(end + HEAD_END.length)
      this.#head = Buffer.alloc(0)
      this.#left = this.#length
      if (whole && data.length === this.#length) {
        this.#known = Buffer.from(chunk)
        this.#knownLength = this.#length
      }
    }
    this.#left -= data.length
    if (this.#left > 0) return
    this.#left = -1
    this.#answered?.(this.#length)
  }
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0

async function requests(load: Load, { seconds, atLeast = 0 }: { seconds: number; atLeast?: number }): Promise<LoadResult> {
  const times: number[] = []
  let errors = 0
  const started = performance.now()
  const until = started + seconds * 1_000
  const head = `GET ${load.path ?? '/'} HTTP/1.1\r\nHost: ${load.host}\r\nUser-Agent: bench\r\n\r\n`
  const visit = async (): Promise<void> => {
    let visitor = new Visitor(load)
    while (performance.now() < until || times.length < atLeast) {
      const begin = performance.now()
      try {
        await visitor.ask(head)
        times.push(performance.now() - begin)
        if (visitor.closes && load.stubborn !== true) {
          visitor.close()
          visitor = new Visitor(load)
        }
      } catch {
        errors += 1
        visitor.close()
        visitor = new Visitor(load)
      }
    }
    visitor.close()
  }
  await Promise.all(Array.from({ length: load.visitors }, visit))
  const elapsed = (performance.now() - started) / 1_000
  times.sort((a, b) => a - b)
  return {
    requests: times.length,
    errors,
    seconds: elapsed,
    bytes: times.length * 12,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99)
  }
}

async function bulk(load: Load, kind: 'down' | 'up', bytes: number): Promise<LoadResult> {
  const started = performance.now()
  const common = `Host: ${load.host}\r\nUser-Agent: bench\r\n`
  const down = `GET /size/${bytes} HTTP/1.1\r\n${common}\r\n`
  const up = `POST /upload HTTP/1.1\r\n${common}Content-Length: ${bytes}\r\n\r\n`
  let moved = 0
  let errors = 0
  const visit = async (): Promise<void> => {
    const visitor = new Visitor(load)
    try {
      const answered = await (kind === 'down' ? visitor.ask(down) : visitor.ask(up, bytes))
      moved += kind === 'down' ? answered : bytes
    } catch {
      errors += 1
    }
    visitor.close()
  }
  await Promise.all(Array.from({ length: load.visitors }, visit))
  return { requests: load.visitors - errors, errors, seconds: (performance.now() - started) / 1_000, bytes: moved, p50: 0, p99: 0 }
}

const load = JSON.parse(process.argv[2] ?? '{}') as Load
const { work } = load
const result = work.kind === 'requests' ? await requests(load, work) : await bulk(load, work.kind, work.bytes)
console.log(JSON.stringify(result))
