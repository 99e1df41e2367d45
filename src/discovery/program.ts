/** Which program a container runs: gost or ours, by image name or first word, through init wrappers and shells, and with which arguments. */
import type { Lookup } from './expand.ts'
import { readScript } from './shell.ts'

export interface Program {
  peer: 'gost' | 'ours'
  /** One argument list per process, without the program's name. */
  processes: string[][]
}

export interface CommandLine {
  image: string
  command: readonly string[]
  args: readonly string[]
  lookup: Lookup
  onUnknown: (name: string, why: string) => void
}

type Found = Program | { none: string } | { problem: string }

/** `none`: another program, named. `problem`: it may well be gost, but cannot be read. */
export function recognise(line: CommandLine): Found {
  const words = [...line.command, ...line.args]
  const started = readStart(words, line)
  if (started !== undefined) return started
  const peer = peerOfImage(line.image)
  if (line.command.length === 0 && peer !== undefined) return { peer, processes: [withoutVerb(peer, words)] }
  const flag = words.findIndex(word => /^--?[LFC](?:=|$)/.test(word))
  if (flag >= 0 && words.some(word => /^(?:--?[LF]=)?tunnel(?:\+\w+)?:\/\//.test(word)))
    return { peer: 'gost', processes: [words.slice(flag)] }
  return { none: words[0] === undefined ? `image ${line.image || 'unknown'} is not gost` : `it runs ${baseName(words[0])}` }
}

/** Reads the words as a command. Undefined when its first word is no program known here. */
function readStart(words: readonly string[], line: CommandLine): Found | undefined {
  const rest = withoutWrappers(words)
  const [first = '', ...more] = rest
  const peer = peerOfWord(first)
  if (peer !== undefined) return { peer, processes: [withoutVerb(peer, more)] }
  if (baseName(first) === 'node' && peerOfWord(more[0] ?? '') === 'ours')
    return { peer: 'ours', processes: [withoutVerb('ours', more.slice(1))] }
  if (baseName(first) === 'kubectl' && more[0] === 'intercept') return { peer: 'ours', processes: [withoutVerb('ours', more.slice(1))] }
  if (first === 'busybox' && isShell(more[0] ?? '')) return readShell(more, line)
  return isShell(first) ? readShell(rest, line) : undefined
}

const isShell = (word: string): boolean => ['sh', 'bash', 'ash', 'dash'].includes(baseName(word))

/** `sh -ec SCRIPT NAME ARGS…` */
function readShell(words: readonly string[], line: CommandLine): Found {
  const at = words.findIndex((word, index) => index > 0 && /^-[a-z]*c[a-z]*$/.test(word))
  const script = at < 0 ? undefined : words[at + 1]
  if (script === undefined) return { none: `it runs the shell script ${words[1] ?? ''}`.trimEnd() }
  const after = words.slice(at + 2)
  const commands = readScript(script, { lookup: line.lookup, positional: after.length === 0 ? ['sh'] : after, onUnknown: line.onUnknown })
  const looksLikeGost = /\b(?:gost|kubectl-intercept)\b|\btunnel(?:\+\w+)?:\/\//.test(script)
  if (commands === undefined)
    return looksLikeGost ? { problem: 'cannot read its shell script' } : { none: 'it runs a shell script without gost' }
  const found = commands.flatMap(command => {
    const started = readStart(command, line)
    return started !== undefined && 'peer' in started ? [started] : []
  })
  const [first] = found
  if (first === undefined)
    return looksLikeGost ? { problem: 'cannot find gost in its shell script' } : { none: 'it runs a shell script without gost' }
  return { peer: first.peer, processes: found.flatMap(program => program.processes) }
}

const WRAPPERS: Readonly<Record<string, readonly string[]>> = {
  tini: ['-p', '-e'],
  'dumb-init': ['-r', '--rewrite'],
  env: ['-u', '-C'],
  exec: [],
  nohup: [],
  nice: ['-n'],
  time: []
}

/** Takes off `tini --`, `dumb-init`, `env A=b`, `su-exec USER` and their like. */
function withoutWrappers(words: readonly string[]): readonly string[] {
  const name = baseName(words[0] ?? '')
  if (name === 'su-exec' || name === 'gosu') return withoutWrappers(words.slice(2))
  const withValue = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined
  if (withValue === undefined) return words
  let at = 1
  for (; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (word === '--') return withoutWrappers(words.slice(at + 1))
    if (withValue.includes(word)) at += 1
    else if (!word.startsWith('-') && !(name === 'env' && /^\w+=/.test(word))) break
  }
  return withoutWrappers(words.slice(at))
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

function peerOfWord(word: string): 'gost' | 'ours' | undefined {
  const name = baseName(word)
  if (/^gost(?:[-_.\d].*)?$/.test(name)) return 'gost'
  return /^kubectl-intercept(?:\.\w+)?$/.test(name) ? 'ours' : undefined
}

/** By the last part of the name, without tag and digest: `gogost/gost:3`, `registry:5000/team/my-gost@sha256:…`. */
export function peerOfImage(image: string): 'gost' | 'ours' | undefined {
  const name = baseName(image.replace(/@.*$/, '')).replace(/:[^:]*$/, '')
  if (/(?:^|[-_.])gost(?:[-_.]|$)/.test(name)) return 'gost'
  return /(?:^|[-_.])(?:kubectl-)?intercept(?:[-_.]|$)/.test(name) ? 'ours' : undefined
}

/** Ours may name its part first: `kubectl-intercept sidecar -L …`. */
function withoutVerb(peer: 'gost' | 'ours', words: readonly string[]): string[] {
  const [first = ''] = words
  const drop = peer === 'ours' ? first === 'server' || first === 'sidecar' : false
  return words.slice(drop ? 1 : 0)
}
