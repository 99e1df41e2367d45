/**
 * Clients of a forwarded port, as a program of their own: `node access-load.ts JSON` makes the load and prints the result as one JSON line. `kept`: each client
 * keeps its connection; `fresh`: a connection for each request, closed by the client once it has its answer; `bulk`: one large file.
 */
import net from 'node:net'

export interface AccessLoad {
  port: number
  /** Through SOCKS5 on that port to this host and port 80; else the port is the destination. */
  socks?: string
  kind: 'kept' | 'fresh' | 'bulk'
  clients: number
  seconds: number
}

export interface AccessLoadResult {
  requests: number
  errors: number
  seconds: number
  bytes: number
  p50: number
  p99: number
}

/** A connection without an answer is an error, as a person would see it. */
const ANSWER_MS = 5_000
const HEAD_END = Buffer.from('\r\n\r\n')
const load = JSON.parse(process.argv[2] ?? '{}') as AccessLoad

class Client {
  readonly #socket: net.Socket
  #head: Buffer = Buffer.alloc(0)
  /** Bytes of the body to come; -1: the head is not complete. */
  #left = -1
  #body = 0
  #replied: boolean
  #done: (bytes: number) => void = () => {}
  #failed: (error: Error) => void = () => {}

  constructor() {
    this.#socket = net.connect({ port: load.port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', chunk => this.#read(chunk))
    this.#socket.on('error', error => this.#failed(error))
    this.#socket.on('close', () => this.#failed(new Error('the connection was closed')))
    this.#replied = load.socks === undefined
    if (load.socks !== undefined) {
      const name = Buffer.from(load.socks)
      this.#socket.write(Buffer.concat([Buffer.from([5, 1, 0, 5, 1, 0, 3, name.length]), name, Buffer.from([0, 80])]))
    }
  }

  get(path: string): Promise<number> {
    const answer = new Promise<number>((resolve, reject) => {
      this.#done = resolve
      this.#failed = reject
    })
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: web\r\n\r\n`)
    if (load.kind === 'bulk') return answer
    const late = setTimeout(() => this.#failed(new Error('no answer')), ANSWER_MS)
    return answer.finally(() => clearTimeout(late))
  }

  close(): void {
    this.#failed = () => {}
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    let bytes = chunk
    if (this.#left < 0) {
      this.#head = Buffer.concat([this.#head, chunk])
      if (!this.#replied) {
        if (this.#head.length < 12) return
        if (this.#head[3] !== 0) return this.#failed(new Error(`SOCKS reply ${this.#head[3]}`))
        this.#head = this.#head.subarray(12)
        this.#replied = true
      }
      const end = this.#head.indexOf(HEAD_END)
      if (end === -1) return
      const head = this.#head.toString('latin1', 0, end)
      this.#body = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN)
      if (!head.startsWith('HTTP/1.1 200') || Number.isNaN(this.#body)) return this.#failed(new Error(head.slice(0, 60)))
      bytes = this.#head.subarray(end + HEAD_END.length)
      this.#head = Buffer.alloc(0)
      this.#left = this.#body
    }
    this.#left -= bytes.length
    if (this.#left > 0) return
    this.#left = -1
    this.#done(this.#body)
  }
}

async function run(): Promise<AccessLoadResult> {
  const times: number[] = []
  let [errors, bytes] = [0, 0]
  const started = performance.now()
  const until = started + load.seconds * 1_000
  const one = async (): Promise<void> => {
    let client = new Client()
    do {
      const begin = performance.now()
      if (load.kind === 'fresh' && begin !== started) {
        client.close()
        client = new Client()
      }
      try {
        const body = await client.get(load.kind === 'bulk' ? '/big' : '/')
        bytes += body
        times.push(performance.now() - begin)
      } catch {
        errors += 1
        client.close()
        client = new Client()
      }
    } while (load.kind !== 'bulk' && performance.now() < until)
    client.close()
  }
  await Promise.all(Array.from({ length: load.clients }, one))
  const seconds = (performance.now() - started) / 1_000
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN
  return { requests: times.length, errors, seconds, bytes, p50: at(0.5), p99: at(0.99) }
}

console.log(JSON.stringify(await run()))
