/** A tunnel stream as datagrams: framed as gost does it, with a bound on what waits for the connector. */
import type { Datagrams } from '../base/datagrams.ts'
import { closeOnce, deferred } from '../base/closable.ts'
import type { Connection } from '../base/connection.ts'
import { DatagramDecoder, encodeDatagram, MAX_DATAGRAM_BYTES } from '../relay/datagram.ts'

export function datagramStream(connection: Connection, queueBytes: number): Datagrams {
  const closed = deferred<void>()
  const decoder = new DatagramDecoder()
  const datagrams: Datagrams = {
    send(datagram) {
      if (datagram.length > MAX_DATAGRAM_BYTES || connection.destroyed || connection.writableEnded) return
      if (connection.writableLength + datagram.length <= queueBytes) connection.write(encodeDatagram(datagram))
    },
    onDatagram: () => {},
    closed: closed.promise,
    close: closeOnce(async () => {
      connection.destroy()
      await closed.promise
    })
  }
  connection.on('error', () => {}) // `close` follows
  connection.on('data', (chunk: Buffer) => {
    for (const datagram of decoder.push(chunk)) datagrams.onDatagram(datagram)
  })
  connection.once('end', () => connection.destroy())
  connection.once('close', () => closed.resolve())
  return datagrams
}
