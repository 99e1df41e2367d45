/** What the file adds to a command line. Flags that were typed win; a named intercept wins over `defaults`. */
import type { ConfigFile, Named, Section, Setting } from './types.ts'

/** The command line, as far as it matters here. */
export interface Typed {
  readonly words: readonly string[]
  /** Names of the flags that were typed, without dashes. */
  readonly flags: ReadonlySet<string>
  /** Values of `--port`. */
  readonly ports: readonly string[]
  readonly all: boolean
  /** Flags that the command takes from a file. */
  readonly takes: (flag: string) => boolean
}

export interface Merged {
  /** Names of intercepts among the words → their targets. */
  readonly targets: ReadonlyMap<string, string>
  /** `--name=value`, `--name`: to stand before what was typed. */
  readonly args: readonly string[]
  /** `NAME=LOCAL[:REMOTE]` for `--all`: of these, those apply whose tunnel is there. */
  readonly ports: readonly string[]
  /** `port 8080, weight 30`; empty when nothing came from the file. */
  readonly said: readonly string[]
  readonly ignored: readonly string[]
  /** Settings that the words do not share, though a session has one: for a message. */
  readonly conflict: { readonly key: string; readonly words: readonly [string, string] } | undefined
}

interface Chosen {
  word: string
  named: Named | undefined
  settings: ReadonlyMap<string, Setting>
}

const bareName = (target: string): string => target.slice(target.lastIndexOf('/') + 1)
/** One of them takes the other's place. */
const SAME: Readonly<Record<string, string>> = { weight: 'split', split: 'weight' }

export function mergeConfig(file: ConfigFile, typed: Typed): Merged {
  const chosen = typed.words.map((word): Chosen => {
    const named = word.includes('/') ? undefined : file.intercepts.get(word)
    return { word, named, settings: layered(file.defaults, named) }
  })
  const first = chosen[0]?.settings ?? layered(file.defaults, undefined)
  const applies = ({ key: { flag, name } }: Setting): boolean =>
    name !== 'port' && typed.takes(flag) && !typed.flags.has(flag) && !typed.flags.has(SAME[flag] ?? '')
  const settings = [...first.values()].filter(applies)
  const ports = portsOf(file, typed, chosen)
  return {
    targets: new Map(chosen.flatMap(({ word, named }) => (named === undefined ? [] : [[word, named.target]]))),
    args: [...settings.flatMap(asArgs), ...ports.args],
    ports: ports.named,
    said: [...chosen.flatMap(introduced), ...ports.said, ...settings.map(asWords)],
    ignored: [...file.defaults.ignored, ...chosen.flatMap(({ named }) => named?.ignored ?? [])],
    conflict: conflictOf(chosen, applies)
  }
}

function layered(defaults: Section, named: Section | undefined): ReadonlyMap<string, Setting> {
  const own = named?.settings ?? new Map<string, Setting>()
  return new Map([...[...defaults.settings].filter(([name]) => !own.has(SAME[name] ?? '')), ...own])
}

function asArgs({ key: { flag, value }, values }: Setting): string[] {
  return values.map(text => (value.kind === 'switch' ? (text === 'true' ? `--${flag}` : `--${flag}=false`) : `--${flag}=${text}`))
}

const asWords = ({ key: { name, value }, values }: Setting): string =>
  value.kind === 'switch' && values[0] === 'true' ? name : `${name} ${values.join(', ')}`

const introduced = ({ word, named }: Chosen): string[] => {
  if (named === undefined || named.target === word) return []
  return [`${word} is ${named.target}${bareName(named.target) === word ? '' : ` (another ${word} is typed svc/${word})`}`]
}

interface Ports {
  args: string[]
  named: string[]
  said: string[]
}

/** From near to far: typed, the intercept's own, `ports`, `defaults`. */
function portsOf(file: ConfigFile, typed: Typed, chosen: readonly Chosen[]): Ports {
  const none: Ports = { args: [], named: [], said: [] }
  if (!typed.takes('port') || typed.ports.some(text => !text.includes('='))) return none
  const taken = new Set(typed.ports.map(text => bareName(text.slice(0, text.indexOf('=')))))
  if (typed.all) {
    const mapped = [...file.ports].filter(([name]) => !taken.has(bareName(name)))
    const said = mapped.length === 0 ? [] : [`ports ${mapped.map(([name, text]) => `${name} ${text}`).join(', ')}`]
    return { args: [], named: mapped.map(([name, text]) => `${name}=${text}`), said }
  }
  if (chosen.length === 0) {
    const preset = typed.ports.length > 0 ? [] : (file.defaults.settings.get('port')?.values ?? [])
    return { args: preset.map(text => `--port=${text}`), named: [], said: portWords(preset) }
  }
  const own = chosen
    .filter(({ word, named }) => !taken.has(word) && !taken.has(bareName(named?.target ?? word)))
    .map(one => portsOfOne(file, one, chosen.length > 1))
  return { args: own.flatMap(({ args }) => args), named: [], said: own.flatMap(({ said }) => said) }
}

function portsOfOne(file: ConfigFile, { word, named }: Chosen, several: boolean): Omit<Ports, 'named'> {
  const target = named?.target ?? word
  const mapped = file.ports.get(target) ?? file.ports.get(bareName(target))
  const preset = several ? [] : (file.defaults.settings.get('port')?.values ?? [])
  const values = named?.settings.get('port')?.values ?? (mapped === undefined ? preset : [mapped])
  return {
    args: values.map(text => (several ? `--port=${target}=${text}` : `--port=${text}`)),
    said: several && values.length > 0 ? [`port of ${word} ${values.join(', ')}`] : portWords(values)
  }
}

const portWords = (values: readonly string[]): string[] => (values.length === 0 ? [] : [`port ${values.join(', ')}`])

/** A session has one weight, one namespace and so on; ports belong to targets. */
function conflictOf(chosen: readonly Chosen[], applies: (setting: Setting) => boolean): Merged['conflict'] {
  const [first, ...others] = chosen
  for (const other of others) {
    for (const key of new Set([...(first?.settings.keys() ?? []), ...other.settings.keys()])) {
      const [mine, its] = [first?.settings.get(key), other.settings.get(key)]
      const any = mine ?? its
      if (first === undefined || any === undefined || !applies(any)) continue
      if (mine?.values.join() !== its?.values.join()) return { key, words: [first.word, other.word] }
    }
  }
  return undefined
}
