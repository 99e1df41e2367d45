/** The seam for UDP, as `Connection` is for bytes: whole datagrams, each of which may get lost. Length prefixes exist only at its edge (`relay/datagram.ts`). */
import type { Closable } from './closable.ts'

export interface Datagrams extends Closable {
  /** Drops the datagram where too much waits already. */
  send(datagram: Buffer): void
  /** Called for each; the bytes are the listener's. One listener. */
  onDatagram: (datagram: Buffer) => void
  /** Resolves when no more will come. */
  readonly closed: Promise<void>
}
