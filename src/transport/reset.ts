/** Ends a connection so that the peer can tell it from a clean end: RST on a plain TCP socket, else `destroy(error)`. */
import net from 'node:net'
import type { Connection } from '../base/connection.ts'

export function resetConnection(connection: Connection, error: Error): void {
  // A TLS socket is a net.Socket whose handle cannot send RST: Node would throw.
  if (connection instanceof net.Socket && !('encrypted' in connection) && !connection.destroyed) connection.resetAndDestroy()
  else connection.destroy(error)
}
