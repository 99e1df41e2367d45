/** Symbolic links of an archive that lead nowhere but into it, through whatever other links. Pure. */

const MAX_HOPS = 40

/** Paths as `insidePath` gives them. Links whose way climbs out, is absolute, or turns in circles through others are not among them. */
export function linksInside(links: ReadonlyMap<string, string>): { kept: Map<string, string>; refused: string[] } {
  const kept = new Map<string, string>()
  const refused: string[] = []
  for (const [name, target] of links) {
    if (staysInside(name, target, links)) kept.set(name, target)
    else refused.push(name)
  }
  return { kept, refused }
}

function staysInside(name: string, target: string, links: ReadonlyMap<string, string>): boolean {
  let at = name.split('/').slice(0, -1)
  let rest = target.split('/')
  if (target === '' || target.startsWith('/')) return false
  for (let hops = 0; rest.length > 0; ) {
    const [part = '', ...others] = rest
    rest = others
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (at.length === 0) return false
      at = at.slice(0, -1)
      continue
    }
    const next = [...at, part]
    const through = links.get(next.join('/'))
    if (through === undefined) at = next
    else {
      hops += 1
      if (hops > MAX_HOPS || through.startsWith('/')) return false
      rest = [...through.split('/'), ...rest]
    }
  }
  return true
}
