/** UDP: a port for many peers, and a socket for one. What cannot be sent at once is kept up to a bound, then dropped. */
import dgram from 'node:dgram'
import net from 'node:net'
import type { Datagrams } from '../base/datagrams.ts'
import { type Closable, closeOnce, deferred } from '../base/closable.ts'
import type { Endpoint } from '../base/connection.ts'

export interface UdpPort extends Closable {
  readonly port: number
  send(datagram: Buffer, to: Endpoint): void
}

const UNSENT_BYTES = 262_144

/** Rejects with Node's error (`EADDRINUSE`). Host '' is every address of both families. */
export async function listenUdp(at: Endpoint, onDatagram: (datagram: Buffer, from: Endpoint) => void): Promise<UdpPort> {
  const socket = dgram.createSocket(net.isIPv4(at.host) ? 'udp4' : 'udp6')
  const listening = deferred<void>()
  socket.once('error', listening.reject)
  socket.bind({ port: at.port, ...(at.host === '' ? {} : { address: at.host }) }, () => listening.resolve())
  await listening.promise
  socket.on('error', () => {}) // of one datagram: the port goes on
  socket.on('message', (datagram, { address, port }) => onDatagram(datagram, { host: address, port }))
  return {
    port: socket.address().port,
    send(datagram, { host, port }) {
      if (socket.getSendQueueSize() + datagram.length <= UNSENT_BYTES) socket.send(datagram, port, host, () => {})
    },
    close: closeOnce(() => new Promise<void>(resolve => socket.close(() => resolve())))
  }
}

/** A socket that hears of one peer only. A peer that refuses (ICMP) closes it. Rejects when the host cannot be resolved. */
export async function dialUdp({ host, port }: Endpoint): Promise<Datagrams> {
  const address = host === '' || host === 'localhost' ? '127.0.0.1' : host
  const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4')
  const closed = deferred<void>()
  const connected = deferred<void>()
  const close = closeOnce(async () => {
    socket.close()
    await closed.promise
  })
  socket.once('close', () => closed.resolve())
  socket.on('error', error => {
    connected.reject(error)
    void close()
  })
  socket.connect(port, address, () => connected.resolve())
  await connected.promise
  const datagrams: Datagrams = {
    send(datagram) {
      if (socket.getSendQueueSize() + datagram.length <= UNSENT_BYTES) socket.send(datagram, () => {})
    },
    onDatagram: () => {},
    closed: closed.promise,
    close
  }
  socket.on('message', datagram => datagrams.onDatagram(datagram))
  return datagrams
}
