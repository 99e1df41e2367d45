/** Which flags of `kubectl intercept` exclude each other, and values that went to the wrong place. */
import type { Io } from './io.ts'
import type { ParsedArgs } from './parse.ts'
import { EXAMPLE_SERVER } from './read-tunnel.ts'
import { badUsage, quoted } from './usage-error.ts'

const SHARE_FLAGS = ['weight', 'split'] as const
export const FILTER_NAMES = ['header', 'path', 'method', 'host'] as const

/** What kubectl itself, or a habit, would have written otherwise. */
function refuseHabits(words: readonly string[]): void {
  const [first = '', second] = words
  const port = words.find(word => /^\d+(?::\d+)?$/.test(word))
  const rest = words.filter(word => word !== port).join(' ') || 'TARGET'
  if (port !== undefined)
    throw badUsage(`${quoted(port)} is no target; a port has a flag`, `write kubectl intercept ${rest} --port ${port}`)
  if (second === undefined) return
  if (!second.includes('/') && KIND_WORD.test(first))
    throw badUsage(
      `${quoted(first)} is a kind, and would be a target`,
      `write kubectl intercept ${first}/${second}; something of that name: kubectl intercept deploy/${first}`
    )
}

const KIND_WORD = /^(?:svc|services?|deploy|deployments?|sts|statefulsets?|ds|daemonsets?|rs|replicasets?|po|pods?|ing|ingress|ingresses)$/

/** A value that was written with a blank before it stands among the targets. */
function refuseStrayValues({ words, text }: ParsedArgs): void {
  const part = words.find(word => /^\d{1,3}(?:\.\d+)?%$/.test(word))
  if (part !== undefined && text('mirror') !== undefined)
    throw badUsage(`${quoted(part)} would be a target: the part that --mirror copies stands behind =`, `write --mirror=${part}`)
  if (part !== undefined)
    throw badUsage(`${quoted(part)} is no target`, `a share of the visitors: --split ${part}; of copies: --mirror=${part}`)
  const mode = words.find(word => word === 'client' || word === 'server' || word === 'none')
  if (mode !== undefined && words.length > 1 && text('dry-run') !== undefined)
    throw badUsage(`${quoted(mode)} would be a target: the value of --dry-run stands behind =`, 'write --dry-run, or --dry-run=client')
}

/** Throws BAD_USAGE. */
export function refuseContradictions(args: ParsedArgs, io: Io): void {
  refuseStrayValues(args)
  refuseHabits(args.words)
  const named = args.words.length > 0
  if (args.on('all') && named) {
    throw badUsage(
      `--all takes every tunnel and cannot be combined with ${quoted(args.words[0] ?? '')}`,
      'choose one: kubectl intercept --all, or kubectl intercept TARGET'
    )
  }
  if (args.text('tunnel-server') !== undefined && (named || args.on('all'))) {
    throw badUsage(
      '--tunnel-server replaces the discovery and takes no TARGET',
      `leave the target out: kubectl intercept --tunnel-server ${EXAMPLE_SERVER} --tunnel-id UUID --port 8080`
    )
  }
  if (args.text('weight') !== undefined && args.text('split') !== undefined) {
    throw badUsage('--weight and --split say the same thing in two ways', 'choose one: kubectl intercept svc/nginx --split 25%')
  }
  const share = SHARE_FLAGS.find(name => args.text(name) !== undefined)
  const filter = FILTER_NAMES.find(name => args.all(name).length > 0)
  if (share !== undefined && filter !== undefined) {
    throw badUsage(
      `--${filter} takes every request that matches, and --${share} a part of all of them`,
      `choose one: kubectl intercept svc/nginx --${filter} ${filter === 'header' ? "'X-User: ada'" : "'*'"}`
    )
  }
  if (share !== undefined && args.text('mirror') !== undefined) {
    throw badUsage(
      `--${share} takes visitors, and --mirror leaves them all in the cluster`,
      'copy a part of the requests: kubectl intercept svc/nginx --mirror=25%'
    )
  }
  if (!args.on('all') && (args.on('all-namespaces') || args.text('selector') !== undefined)) {
    throw badUsage('-A and -l choose tunnels for --all', 'write kubectl intercept --all -A, or name a target with -n NAMESPACE')
  }
  if (args.on('all') && !args.on('yes') && args.text('dry-run') === undefined && io.stdin.isTTY !== true) {
    throw badUsage(
      '--all asks before it starts, and there is no terminal to ask on',
      'write kubectl intercept --all --yes, or see the plan with --dry-run'
    )
  }
}
