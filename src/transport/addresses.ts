/** Every address of a name, as the system resolves it (hosts file, search domains). */
import dns from 'node:dns/promises'

/** Sorted, so that two answers can be compared. Rejects with Node's error (`ENOTFOUND`). */
export async function addressesOf(host: string): Promise<string[]> {
  const found = await dns.lookup(host, { all: true })
  return [...new Set(found.map(({ address }) => address))].sort()
}
