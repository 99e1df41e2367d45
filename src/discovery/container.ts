/** One container of a pod → its tunnel connectors and servers. Also one bare command line, for our own server and sidecar. */
import { configFromCommandLine } from './command-line.ts'
import { emptyConfig, type GostConfig, mergeConfigs } from './config.ts'
import type { ContainerContext, FileRead } from './context.ts'
import type { Format } from './document.ts'
import { environment, expand } from './expand.ts'
import { parseGoFlags } from './go-flags.ts'
import { type Mounted, readMounted } from './mounts.ts'
import { type OwnSettings, splitOwnFlags, withConfigFile } from './own-flags.ts'
import { withOwnSettings } from './own-server.ts'
import type { ContainerSpec, PodSpec, Sources } from './pod-spec.ts'
import { recognise } from './program.ts'
import { serverFacts } from './server-facts.ts'
import { sidecarFacts } from './sidecar-facts.ts'
import { splitWorkers } from './split-workers.ts'
import { type Mistake, mistakesOf } from './mistakes.ts'
import type { GostFacts } from './types.ts'
import { parseGostConfig } from './yaml-config.ts'

export interface ContainerFacts extends GostFacts {
  /** Undefined: it runs gost or ours. Else what it runs instead, in words. */
  otherwise: string | undefined
}

/** Reads objects through `sources` only where gost's configuration needs them. */
export function gostFacts(pod: PodSpec, container: ContainerSpec, sources: Sources): ContainerFacts {
  const unknown = new Map<string, string>()
  const onUnknown = (name: string, why: string): void => void unknown.set(name, why)
  const lookup = environment(container, sources, pod.enableServiceLinks !== false)
  const words = (list: readonly string[] | undefined): string[] => (list ?? []).map(word => expand(word, lookup, onUnknown))
  const program = recognise({
    image: container.image ?? '',
    command: words(container.command),
    args: words(container.args),
    lookup,
    onUnknown
  })
  if ('none' in program) return { sidecars: [], servers: [], problems: [], otherwise: program.none }
  if ('problem' in program) return { sidecars: [], servers: [], problems: [program.problem], otherwise: undefined }
  const read = (path: string): Mounted => readMounted(pod, container, path, { sources, lookup })
  const home = lookup('HOME')
  const world: ProcessWorld = {
    context: { container: container.name, peer: program.peer, readFile: path => present(read(path)), unknown },
    read,
    defaults: ['/etc/gost', `${home !== undefined && 'text' in home ? home.text : '/root'}/.gost`, container.workingDir ?? '/bin']
  }
  const facts = program.processes.flatMap(splitWorkers).map(argv => processFacts(argv, world))
  return {
    sidecars: facts.flatMap(fact => fact.sidecars),
    servers: facts.flatMap(fact => fact.servers),
    problems: [...new Set(facts.flatMap(fact => fact.problems))],
    otherwise: undefined
  }
}

/** With what nobody can mean: whoever runs it is told. */
export interface ArgvFacts extends GostFacts {
  mistakes: Mistake[]
}

/** One command line without a pod; `readFile` reads `-C` files. */
export function gostFactsOfArgv(argv: readonly string[], readFile: (path: string) => FileRead, peer: 'gost' | 'ours' = 'ours'): ArgvFacts {
  const context: ContainerContext = { container: '', peer, readFile, unknown: new Map() }
  const facts = splitWorkers(argv).map(words => processFacts(words, { context, read: readFile, defaults: ['/etc/gost'] }))
  return {
    sidecars: facts.flatMap(fact => fact.sidecars),
    servers: facts.flatMap(fact => fact.servers),
    problems: facts.flatMap(fact => fact.problems),
    mistakes: facts.flatMap(fact => mistakesOf(fact.config, context))
  }
}

const present = (read: Mounted): FileRead => ('absent' in read ? { problem: 'does not exist' } : read)

interface ProcessWorld {
  context: ContainerContext
  read: (path: string) => Mounted
  /** Folders that gost searches for its default configuration, in order. */
  defaults: readonly string[]
}

type ProcessFacts = GostFacts & { config: GostConfig }

function processFacts(argv: readonly string[], world: ProcessWorld): ProcessFacts {
  if (world.context.peer === 'gost') return gostProcessFacts(argv, world)
  const { gost, own } = splitOwnFlags(argv)
  const facts = gostProcessFacts(gost, world)
  return own.size === 0 ? facts : ownProcessFacts(facts, own, world.context)
}

function gostProcessFacts(argv: readonly string[], world: ProcessWorld): ProcessFacts {
  const { config, problems } = configOfArgv(argv, world)
  const sidecars = sidecarFacts(config, world.context)
  const servers = serverFacts(config, world.context)
  return { config, sidecars: sidecars.facts, servers: servers.facts, problems: [...problems, ...sidecars.problems, ...servers.problems] }
}

function ownProcessFacts(facts: ProcessFacts, flags: OwnSettings, context: ContainerContext): ProcessFacts {
  if (facts.servers.length === 0) return facts
  const { own, problem } = withConfigFile(flags, context)
  const servers = withOwnSettings(facts.servers, own, context)
  return {
    ...facts,
    // Rules may stand in the file that cannot be read.
    servers: servers.facts.map(fact => (problem === undefined ? fact : { ...fact, rulesUnreadable: fact.rulesUnreadable ?? problem })),
    problems: [...facts.problems, ...servers.problems]
  }
}

function configOfArgv(argv: readonly string[], world: ProcessWorld): { config: GostConfig; problems: string[] } {
  const flags = parseGoFlags(argv)
  const problems = [...flags.problems]
  const configs = flags.config.filter(source => source.trim() !== '').map(source => readConfig(source.trim(), world, problems))
  const line = configFromCommandLine(flags.listen, flags.forward)
  problems.push(...line.problems)
  // What gost refuses keeps it from starting: there is nothing to find.
  if (flags.problems.length > 0 || line.problems.length > 0) return { config: emptyConfig(), problems }
  const config = mergeConfigs([...configs, line.config])
  if (config.services.length > 0 || flags.api !== undefined || config.api || flags.config.length > 0) return { config, problems }
  return { config: defaultConfig(world, problems), problems }
}

/** A path, inline JSON, `-` or a URL. */
function readConfig(source: string, world: ProcessWorld, problems: string[]): GostConfig {
  if (source === '-') return failed('-C - reads standard input, which cannot be read from outside', problems)
  if (/^https?:\/\//.test(source))
    return failed(
      `-C ${source.replace(/\/\/[^/@]*@/, '//').replace(/\?.*$/, '')} is fetched when gost starts, which cannot be read from outside`,
      problems
    )
  if (source.startsWith('{') && source.endsWith('}')) return parsed('the inline -C', parseGostConfig(source, 'json'), problems)
  const read = present(world.read(source))
  if ('problem' in read) return failed(`-C ${source} ${read.problem}`, problems)
  return parseFile(source, read.text, problems)
}

function parseFile(path: string, text: string, problems: string[]): GostConfig {
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? ''
  if (/^(?:toml|properties|props|prop|hcl|tfvars|dotenv|env|ini)$/.test(extension))
    return failed(`${path} is ${extension}, which is not read here: use YAML or JSON`, problems)
  const format: Format = extension === 'json' ? 'json' : 'yaml'
  return parsed(path, parseGostConfig(text, format), problems)
}

function parsed(name: string, result: ReturnType<typeof parseGostConfig>, problems: string[]): GostConfig {
  return 'config' in result ? result.config : failed(`${name} ${result.problem}`, problems)
}

function failed(problem: string, problems: string[]): GostConfig {
  problems.push(problem)
  return emptyConfig()
}

/** In viper's order of formats. Only a mounted file can be found; the image may hold one too. */
function defaultConfig(world: ProcessWorld, problems: string[]): GostConfig {
  let unreadable: string | undefined
  for (const folder of world.defaults) {
    for (const extension of ['json', 'toml', 'yaml', 'yml']) {
      const path = `${folder.replace(/\/$/, '')}/gost.${extension}`
      const read = world.read(path)
      if ('text' in read) return parseFile(path, read.text, problems)
      if ('problem' in read && !read.problem.startsWith('is inside the image')) unreadable ??= `${path} ${read.problem}`
    }
  }
  return failed(unreadable ?? 'it has no -L, and no gost.yaml was found in a mounted volume', problems)
}
