/** The flags that open entrypoints of our own beside gost's `entrypoint=`: `--entrypoint [HOST]:PORT[=TUNNEL]`. */
import type { Endpoint } from '../base/connection.ts'
import { parseHostPort } from '../discovery/address.ts'
import type { EntrypointOptions } from '../server/entrypoint.ts'
import { badUsage } from './usage-error.ts'
import { readUuid, type Typed } from './values.ts'

/** An address to listen on, and the tunnel that everything which arrives there goes to. */
export interface EntrypointSetting extends Endpoint {
  tunnelId?: string
}

/** Throws BAD_USAGE, which never repeats an id: also a mistyped one may be a secret. */
export function readEntrypoint(typed: Typed): EntrypointSetting {
  const { flag, text } = typed
  const equals = text.indexOf('=')
  const address = parseHostPort(equals < 0 ? text : text.slice(0, equals))
  if (address === undefined)
    throw badUsage(`${flag} needs an address with a port, and after = a tunnel id`, `for example: ${flag} :3306=UUID`)
  return equals < 0 ? address : { ...address, tunnelId: readUuid({ ...typed, text: text.slice(equals + 1) }) }
}

/** Those of gost's command line, and ours. What gost's `entrypoint.ProxyProtocol` says holds for all. */
export function withEntrypoints<T extends { entrypoints: readonly EntrypointOptions[] }>(options: T, own: readonly EntrypointSetting[]): T {
  const proxyProtocol = options.entrypoints.some(each => each.proxyProtocol === true)
  return { ...options, entrypoints: [...options.entrypoints, ...own.map(each => ({ ...each, proxyProtocol }))] }
}
