/** What a connector of ours may be, next to the others of its tunnel. */
import { InterceptError } from '../base/errors.ts'
import { type Filter, parseFilter } from '../filter/filter.ts'
import { MAX_HOSTS, MAX_NEIGHBOURS, type Neighbour, type Objection, TEXT_LIMIT } from '../tunnel/control-channel.ts'
import type { BoundConnector, ConnectorRules } from './bound-connector.ts'
import { shares } from './choice.ts'
import type { ServerContext } from './context.ts'
import { type Personal, personalOf } from './personal.ts'
import type { Registry } from './registry.ts'

export const connectorRules = ({
  routes,
  registry,
  mirrors,
  apps,
  waiting
}: Pick<ServerContext, 'routes' | 'registry' | 'mirrors' | 'apps' | 'waiting'>): ConnectorRules => ({
  greet(connector, { filter = '', mirror }) {
    const objection = mirror === undefined || mayMirror(connector) ? takeFilter(registry, connector, filter) : denied(NO_MIRROR)
    if (objection === undefined && mirror !== undefined) mirrors.add(connector, mirror)
    return objection
  },
  reweigh({ grant: { maxWeight = 255 } }, weight) {
    return weight > maxWeight ? denied(`these credentials may take a weight of ${maxWeight} at most (maxWeight)`) : undefined
  },
  refilter: (connector, filter) => takeFilter(registry, connector, filter),
  serves: ({ tunnelId }) => waiting.came(tunnelId),
  drains: connector => apps.drain(connector),
  lost: ({ tunnelId }) => waiting.lost(tunnelId),
  hosts: ({ tunnelId }) =>
    routes
      .hostsOf(tunnelId)
      .filter(({ length }) => length <= TEXT_LIMIT)
      .slice(0, MAX_HOSTS),
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

const NO_MIRROR = 'these credentials may take no copies (that needs mirror: true)'
const NO_FILTER = 'these credentials may have no filter (filters: false)'

const denied = (why: string): Objection => ({ why, because: 'policy' })

/** Copies hold everybody's requests: who may not choose among them gets none, unless a policy says so. */
const mayMirror = ({ grant }: BoundConnector): boolean => grant.mirror ?? grant.filters !== false

/** Gives the connector this filter, '' for none; with an objection it keeps what it has. */
function takeFilter(registry: Registry, connector: BoundConnector, text: string): Objection | undefined {
  if (text === '') {
    connector.personal = undefined
    return undefined
  }
  if (connector.grant.filters === false) return denied(NO_FILTER)
  if (connector.network === 'udp') return { why: 'a filter looks at HTTP requests, and this is a connector for UDP' }
  const filter = read(text)
  if (typeof filter === 'string') return { why: filter }
  if (filter.needsAnswer) return { why: 'the filter asks for what only the answer tells, and a request is given away before' }
  const personal = personalOf(filter, connector.hello?.session)
  const { mirror, join = false } = connector.hello ?? {}
  // A mirror takes nothing away from anybody.
  const holder = mirror === undefined && !join ? holderOf(registry, connector, personal) : undefined
  if (holder !== undefined) return { why: `${holder.hello?.who ?? 'another session'} has this filter`, because: 'taken' }
  connector.personal = personal
  return undefined
}

const holderOf = (registry: Registry, connector: BoundConnector, { key }: Personal): Others | undefined =>
  registry
    .connectors(connector.tunnelId)
    .find(one => one !== connector && one.personal?.key === key && isAnother(one, connector) && isHere(one.condition))

type Others = ReturnType<Registry['connectors']>[number]

/** A session that binds anew has its old connector beside the new one for a moment. */
const isAnother = (one: Others, { hello }: BoundConnector): boolean => hello?.session === undefined || one.hello?.session !== hello.session

/** One that does not answer keeps nobody from taking its place. */
const isHere = (condition: Others['condition']): boolean => condition === 'live' || condition === 'pending'

function read(text: string): Filter | string {
  try {
    return parseFilter(text)
  } catch (error) {
    if (error instanceof InterceptError) return error.message
    throw error
  }
}
