/** The flags of our own server and sidecar, which stand beside gost's: `kubectl-intercept sidecar --grace 30s -L …`. */

export interface OwnFlags {
  /** gost's part. */
  gost: string[]
  /** The last value of each; '' for a switch. */
  own: Map<string, string>
}

const GOST_LONG = /^--(?:L|F|C|O|R|D|DD|V|h|help|api|metrics)(?:=|$)/

/** Any long flag that is none of gost's is ours, with its value behind `=` or as the next word. */
export function splitOwnFlags(words: readonly string[]): OwnFlags {
  const split: OwnFlags = { gost: [], own: new Map() }
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    const [, name, inline] = /^--([a-z][^=]*)(?:=([\s\S]*))?$/.exec(word) ?? []
    if (name === undefined || GOST_LONG.test(word)) {
      split.gost.push(word)
      continue
    }
    const next = words[at + 1] ?? '-'
    const value = inline ?? (next.startsWith('-') ? '' : next)
    if (inline === undefined && value !== '') at += 1
    split.own.set(name, value)
  }
  return split
}
