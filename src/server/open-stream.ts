/** A stream for a visitor: choose a connector, open, and when that fails choose another. */
import type { Endpoint } from '../base/connection.ts'
import { chooseConnector, type ExclusivePolicy, type Network } from './choice.ts'
import type { Asked } from './personal.ts'
import type { Connector, Registry, StreamOpen, TunnelStream } from './registry.ts'

export interface StreamOpener {
  registry: Registry
  random: () => number
  exclusive?: ExclusivePolicy | undefined
}

/** Undefined when no connector is left. Those tried are added to `tried`. */
export function openStream(
  opener: StreamOpener,
  tunnelId: string,
  rest: { open: StreamOpen; network?: Network; tried?: Set<Connector>; asked?: () => Asked }
): TunnelStream | undefined {
  const { open, network = 'tcp', tried = new Set<Connector>(), asked } = rest
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

/** The visitor's address for an open message: never a name, which a stock connector would resolve in its accept loop. */
export const sourceOf = (remote: Endpoint | undefined): Endpoint => remote ?? { host: '0.0.0.0', port: 0 }
