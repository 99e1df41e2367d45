/** gost's whole command line → its configuration: -L and -F, with the chain that every -L of one process shares (cmd.go BuildConfigFromCmd). */
import { type ChainConfig, emptyConfig, type GostConfig, type HopConfig } from './config.ts'
import { parseForwardUrl } from './forward-url.ts'
import { parseListenUrl } from './listen-url.ts'

/** Listeners that take the chain themselves; for all others the handler dials through it. */
export const REMOTE_LISTENERS = new Set(['rtcp', 'rudp', 'runix'])

/** A part that gost refuses becomes a problem line; gost itself would not start. */
export function configFromCommandLine(listen: readonly string[], forward: readonly string[]): { config: GostConfig; problems: string[] } {
  const config = emptyConfig()
  const problems: string[] = []
  const hops: HopConfig[] = []
  for (const [index, text] of forward.entries()) {
    const hop = parseForwardUrl(text, `hop-${index}`)
    if (hop === undefined) problems.push(`-F number ${index + 1} is no URL that gost reads`)
    else hops.push(hop)
  }
  const chain: ChainConfig | undefined = forward.length === 0 ? undefined : { name: 'chain-0', hops }
  if (chain !== undefined) config.chains.push(chain)
  for (const [index, text] of listen.entries()) {
    if (text.trim() === '') continue
    const services = parseListenUrl(text)
    if (services === undefined) problems.push(`-L number ${index + 1} is no URL that gost reads`)
    for (const service of services ?? []) {
      service.name = `service-${config.services.length}`
      if (chain !== undefined) (REMOTE_LISTENERS.has(service.listener.type) ? service.listener : service.handler).chains.push(chain.name)
      config.services.push(service)
    }
  }
  return { config, problems }
}
