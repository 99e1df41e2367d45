/** Ours with ours, in memory and over TCP; against stock gost see *.peers.test.ts. */
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { systemClock } from '../../src/base/clock.ts'
import type { Connection } from '../../src/base/connection.ts'
import { openSession } from '../../src/smux/session.ts'
import type { SmuxOptions, SmuxStream } from '../../src/smux/types.ts'
import { memoryPair } from '../../src/transport/memory.ts'
import { type Behaviour, type SmuxWorld, smuxSuite } from './smux-suite.ts'

const NAMES: readonly Behaviour[] = ['echo', 'stall', 'count']

/** Does what the first line (`count 100\n`) asks for. */
function behave(stream: SmuxStream): void {
  let head = Buffer.alloc(0)
  // The line may come in pieces, as everything over TCP.
  const onReadable = (): void => {
    const chunk: unknown = stream.read()
    if (!Buffer.isBuffer(chunk)) return
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\n')
    if (end === -1) return
    stream.off('readable', onReadable)
    const [name, total = '0'] = head.toString('utf8', 0, end).split(' ')
    if (name === 'stall') return
    const rest = head.subarray(end + 1)
    if (name === 'echo') {
      if (rest.length > 0) stream.write(rest)
      stream.pipe(stream)
      return
    }
    let bytes = rest.length
    stream.on('data', (more: Buffer) => {
      bytes += more.length
      if (bytes === Number(total)) stream.end(total)
    })
  }
  stream.on('readable', onReadable)
}

function world(near: Connection, far: Connection, options: Partial<SmuxOptions>): SmuxWorld {
  const shared = { clock: systemClock, ...options }
  const server = openSession(far, { ...shared, role: 'server', onStream: behave })
  const client = openSession(near, { ...shared, role: 'client' })
  return {
    open(behaviour, total = 0): Duplex {
      return client.open({ preface: Buffer.from(`${NAMES[NAMES.indexOf(behaviour)]} ${total}\n`) })
    },
    queuedBytes: () => client.queuedBytes,
    close: async () => {
      await Promise.all([client.close(), server.close()])
    }
  }
}

async function tcpPair(): Promise<[Connection, Connection]> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const accepted = new Promise<net.Socket>(resolve => {
    server.once('connection', resolve)
  })
  const { port } = server.address() as net.AddressInfo
  const near = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const far = await accepted
  server.close()
  return [near, far] as unknown as [Connection, Connection]
}

smuxSuite('ours and ours in memory', () => {
  const [near, far] = memoryPair()
  return Promise.resolve(world(near, far, {}))
})

smuxSuite('ours and ours over TCP', async () => {
  const [near, far] = await tcpPair()
  return world(near, far, {})
})
