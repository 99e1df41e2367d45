/** A list of addresses and networks, `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`, and whether an address is in one of them. */
import net from 'node:net'

export interface Networks {
  /** An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) counts as IPv4. */
  has(address: string): boolean
}

/** Throws a RangeError that quotes what is no network. */
export function networksOf(texts: readonly string[]): Networks {
  const list = new net.BlockList()
  for (const text of texts) {
    const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
    const version = net.isIP(address)
    const longest = version === 4 ? 32 : 128
    const prefix = bits === undefined ? longest : Number(bits)
    if (version === 0 || prefix > longest) throw new RangeError(`${JSON.stringify(text)} is no network`)
    list.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6')
  }
  return {
    has: address => {
      const version = net.isIP(address)
      return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
    }
  }
}
