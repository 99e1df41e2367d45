/** A stream for a visitor: choose a connector, open, and when that fails choose another; when there is none, perhaps wait for one. */
import type { Endpoint } from '../base/connection.ts'
import { chooseConnector, type ExclusivePolicy, type Network } from './choice.ts'
import type { Asked } from './personal.ts'
import type { Visitor } from './context.ts'
import type { Connector, Registry, StreamOpen, TunnelStream } from './registry.ts'
import type { Waiting } from './waiting.ts'

export interface StreamOpener {
  registry: Registry
  random: () => number
  exclusive?: ExclusivePolicy | undefined
}

export interface Wanted {
  open: StreamOpen
  network?: Network
  tried?: Set<Connector>
  asked?: () => Asked
}

/** Undefined when no connector is left. Those tried are added to `tried`. */
export function openStream(opener: StreamOpener, tunnelId: string, wanted: Wanted): TunnelStream | undefined {
  const { open, network = 'tcp', tried = new Set<Connector>(), asked } = wanted
  for (;;) {
    const { random, exclusive } = opener
    const connector = chooseConnector(opener.registry.connectors(tunnelId), { network, random, except: tried, asked, exclusive })
    if (connector === undefined) return undefined
    tried.add(connector)
    try {
      return connector.open(open)
    } catch {
      // Closed in this moment, or full: the next one.
    }
  }
}

/** After `openStream` found nobody: a stream to the first connector that is back. Undefined: none is waited for, or came in time, or the visitor has left. */
export async function openOnReturn(
  opener: StreamOpener & { waiting: Waiting },
  tunnelId: string,
  wanted: Wanted & { visitor: Visitor; hasLeft?: () => boolean }
): Promise<TunnelStream | undefined> {
  const { visitor, hasLeft = () => visitor.reader.gone } = wanted
  const { reader } = visitor
  const stream = await opener.waiting.wait(
    tunnelId,
    () => openStream(opener, tunnelId, wanted),
    leave => {
      visitor.busy = true
      reader.onLeave = () => {
        if (hasLeft()) leave()
      }
      reader.onLeave()
    }
  )
  reader.onLeave = undefined
  if (stream === undefined) visitor.busy = false
  return stream
}

/** The visitor's address for an open message: never a name, which a stock connector would resolve in its accept loop. */
export const sourceOf = (remote: Endpoint | undefined): Endpoint => remote ?? { host: '0.0.0.0', port: 0 }
