/** UDP peers on loopback for tests. */
import dgram from 'node:dgram'
import { once } from 'node:events'

export interface UdpPeer extends Disposable {
  readonly port: number
  /** What came, as text, in its order. */
  readonly heard: readonly string[]
  /** Ports that something came from. */
  readonly sources: ReadonlySet<number>
  send(text: string | Buffer, port: number): void
}

/** `answer`: what it sends back for each datagram. */
export async function udpPeer(answer?: (datagram: Buffer) => Buffer): Promise<UdpPeer> {
  const socket = dgram.createSocket('udp4')
  const heard: string[] = []
  const sources = new Set<number>()
  socket.on('error', () => {}) // of one datagram
  socket.on('message', (datagram, { port, address }) => {
    heard.push(datagram.toString())
    sources.add(port)
    if (answer !== undefined) socket.send(answer(datagram), port, address, () => {})
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    port: socket.address().port,
    heard,
    sources,
    send: (text, port) => socket.send(text, port, '127.0.0.1', () => {}),
    [Symbol.dispose]: () => socket.close()
  }
}

export const echo = (datagram: Buffer): Buffer => Buffer.concat([Buffer.from('re: '), datagram])
