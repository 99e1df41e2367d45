/** How a link ended, and whether the server may still take it for a living one. */
import { errnoOf, ProtocolError } from '../base/errors.ts'

export interface LinkEnd {
  error: Error | undefined
  /** The server was perhaps not told: it may go on sending visitors to a connection that nobody reads. */
  ghost: boolean
}

/** A ghost may live on behind a link that ended in silence, or without a way to the peer. */
export function linkEnd(error: Error | undefined, silent: boolean): LinkEnd {
  return { error, ghost: silent ? !wasTold(error) : NO_WAY.has(errnoOf(error?.cause) ?? '') }
}

/** Errors of a system that had no way to tell the peer. */
const NO_WAY: ReadonlySet<string> = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'])
const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])

/** The peer itself ended it, by FIN or RST. */
const wasTold = (error: Error | undefined): boolean =>
  error instanceof ProtocolError && error.code === 'SMUX_CLOSED' && (error.cause === undefined || CLOSED.has(errnoOf(error.cause) ?? ''))
