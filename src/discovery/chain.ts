/** A chain's name → the last of its hops, which is the tunnel server, and its nodes (x/config/parsing/chain). */
import type { GostConfig, HopConfig, NodeConfig } from './config.ts'

export interface Route {
  node: NodeConfig
  others: NodeConfig[]
  proxies: number
}

/** By the name of the chain; in words what keeps it from leading anywhere. */
export function resolveChain(config: GostConfig, name: string): Route | string {
  const chain = config.chains.find(candidate => candidate.name === name)
  if (chain === undefined) return `chain ${name} does not exist`
  const hops = chain.hops.map(hop =>
    hop.nodes.length === 0 && hop.elsewhere === undefined ? (config.hops.find(known => known.name === hop.name) ?? hop) : hop
  )
  const last = hops.at(-1)
  if (last === undefined) return `chain ${name} has no hops`
  const [node, ...others] = last.nodes.map(candidate => resolveNode(config, candidate))
  return node === undefined ? emptyHop(last, name) : { node, others, proxies: hops.length - 1 }
}

const emptyHop = (hop: HopConfig, chain: string): string =>
  hop.elsewhere === undefined
    ? `the last hop of chain ${chain} has no nodes`
    : `the last hop of chain ${chain} comes from ${hop.elsewhere}, which cannot be read from outside`

/** A node with nothing but a name refers to the top-level list (gost ≥ 3.2.7). */
const resolveNode = (config: GostConfig, node: NodeConfig): NodeConfig =>
  node.addr === '' && node.name !== '' ? (config.nodes.find(known => known.name === node.name && known.addr !== '') ?? node) : node
