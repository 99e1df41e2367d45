/** What a connector of ours may be, next to the others of its tunnel. */
import { MAX_NEIGHBOURS, type Neighbour } from '../tunnel/control-channel.ts'
import type { ConnectorRules } from './bound-connector.ts'
import { shares } from './choice.ts'
import type { Registry } from './registry.ts'

export const connectorRules = (registry: Registry): ConnectorRules => ({
  greet: () => undefined,
  reweigh: () => undefined,
  refilter: () => 'this server knows no filters',
  neighbours(leaving) {
    const others = registry.connectors(leaving.tunnelId).filter(one => one !== leaving && one.network === leaving.network)
    const parts = shares(others, leaving.network)
    return others
      .flatMap((one, at): Neighbour[] => {
        if ((parts[at] ?? 0) === 0) return []
        const { hello, weight } = one
        return [{ kind: hello?.kind ?? 'gost', weight: weight || 1, ...(hello?.who !== undefined && { who: hello.who }) }]
      })
      .slice(0, MAX_NEIGHBOURS)
  }
})
