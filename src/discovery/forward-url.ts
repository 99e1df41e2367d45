/** One -F: a URL → one hop, with a node per address of a comma list (x/config/cmd/cmd.go buildNodeConfig). The URL's path is ignored. */
import { dialerType, type HopConfig, schemeHalves, unknownCarrier } from './config.ts'
import { parseAuthParam, parseGostUrl } from './gost-url.ts'
import { getBool, getString, routeByPrefix } from './param.ts'

/** Undefined when gost refuses the text. */
export function parseForwardUrl(text: string, name: string): HopConfig | undefined {
  const url = parseGostUrl(text)
  if (url === undefined) return undefined
  const [connector, dialer] = schemeHalves(url.scheme)
  const { params } = url
  const authText = getString(params, 'auth')
  const auth = url.user ?? (authText === '' ? undefined : parseAuthParam(authText))
  if (url.user === undefined && authText !== '' && auth === undefined) return undefined
  const tls = {
    secure: getBool(params, 'tls.secure', 'secure'),
    serverName: getString(params, 'tls.servername', 'servername'),
    caFile: getString(params, 'tls.caFile', 'caFile', 'ca'),
    certFile: getString(params, 'tls.certFile', 'certFile', 'cert'),
    keyFile: getString(params, 'tls.keyFile', 'keyFile', 'key')
  }
  const sections = routeByPrefix(params, ['node', 'connector', 'dialer', 'hop'])
  const nodes = url.host
    .split(',')
    .filter(addr => addr !== '')
    .map((addr, index) => ({
      name: `node-${index}`,
      addr,
      place: `-F ${url.scheme}://${addr}`,
      connector: { type: connector, auth, authFile: undefined, params: sections.connector },
      dialer: { type: dialerType(dialer), tls, params: sections.dialer, ...unknownCarrier(url.scheme) }
    }))
  return { name, nodes, elsewhere: undefined }
}
