/** One TCP address in front of several servers, as a Service or an Ingress is: each connection goes to one of them by chance. */
import net from 'node:net'
import { seeded } from './feed.ts'

export interface SharedAddress extends AsyncDisposable {
  readonly port: number
  /** Connections so far, by the port that they went to. */
  readonly counts: ReadonlyMap<number, number>
  /** New connections go to these from now on; the others' connections live on. */
  lead(ports: readonly number[]): void
}

export async function startSharedAddress(ports: readonly number[], seed = 1): Promise<SharedAddress> {
  const random = seeded(seed)
  const counts = new Map<number, number>()
  const open = new Set<net.Socket>()
  let targets = ports
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, incoming => {
    const port = targets[Math.floor(random() * targets.length)] ?? 0
    counts.set(port, (counts.get(port) ?? 0) + 1)
    const outgoing = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming]
    ] as const) {
      open.add(from)
      from.pipe(to)
      from.on('error', () => to.resetAndDestroy())
      from.once('close', () => {
        open.delete(from)
        if (!from.readableEnded) to.destroy()
      })
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    counts,
    lead(next) {
      targets = next
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    }
  }
}
