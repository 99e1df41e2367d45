/** What the own flags of our server add to what gost's arguments say of it: entrypoints, rules and users. */
import { parseHostPort } from './address.ts'
import { type ContainerContext, unreadVariable } from './context.ts'
import { parseDocument, Section } from './document.ts'
import { parseUuid } from './go-values.ts'
import type { OwnSettings } from './own-flags.ts'
import { linesOf, ruleOf } from './server-facts.ts'
import type { Found } from './sidecar-facts.ts'
import type { Auth, EntrypointFact, ServerFact } from './types.ts'

export function withOwnSettings(facts: readonly ServerFact[], own: OwnSettings, context: ContainerContext): Found<ServerFact> {
  const problems: string[] = []
  const entrypoints = [
    ...entrypointsOf('entrypoint', own, context, problems),
    ...entrypointsOf('udp-entrypoint', own, context, problems).map(each => ({ ...each, udp: true as const }))
  ]
  if (entrypoints.length > 0 && facts.length !== 1)
    problems.push(`--entrypoint needs exactly one tunnel listener, and there are ${facts.length}`)
  const [rules, policy] = [own.get('rules')?.at(-1), own.get('policy')?.at(-1)]
  return { facts: facts.map(fact => withPolicy(withRules(withEntrypoints(fact, entrypoints), rules, context), policy, context)), problems }
}

/** What gost's `entrypoint.ProxyProtocol` says holds for all. */
function withEntrypoints(fact: ServerFact, own: readonly Omit<EntrypointFact, 'proxyProtocol'>[]): ServerFact {
  const proxyProtocol = fact.entrypoints.find(each => each.proxyProtocol !== 0)?.proxyProtocol ?? 0
  return {
    ...fact,
    entrypoints: [...fact.entrypoints, ...own.map(each => ({ ...each, proxyProtocol: each.udp ? (0 as const) : proxyProtocol }))]
  }
}

/** `[HOST]:PORT[=UUID]`. */
function entrypointsOf(
  name: 'entrypoint' | 'udp-entrypoint',
  own: OwnSettings,
  context: ContainerContext,
  problems: string[]
): Omit<EntrypointFact, 'proxyProtocol'>[] {
  return (own.get(name) ?? []).flatMap(text => {
    const [, at = '', id] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? []
    const address = parseHostPort(at)
    const tunnelId = id === undefined ? undefined : parseUuid(id)
    // The id stays out of it: also a mistyped one may be a secret.
    const wrong =
      address === undefined
        ? 'no address with a port'
        : id !== undefined && tunnelId === undefined
          ? `${at}, no tunnel id behind it`
          : undefined
    if (wrong !== undefined) problems.push(`--${name} has ${wrong}${reason(text, context)}`)
    if (address === undefined || wrong !== undefined) return []
    return [{ ...address, ...(tunnelId !== undefined && { tunnelId }) }]
  })
}

function reason(text: string, context: ContainerContext): string {
  const why = unreadVariable(text, context)
  return why === undefined ? '' : ` (${why})`
}

function withRules(fact: ServerFact, file: string | undefined, context: ContainerContext): ServerFact {
  if (file === undefined) return fact
  const read = context.readFile(file)
  if ('problem' in read) return { ...fact, rulesUnreadable: `--rules: ${file} ${read.problem}` }
  const bare = (word: string): string => word.replace(/^(["'])(.*)\1$/, '$2')
  const rules = linesOf(read.text).flatMap(([host = '', endpoint = '']) => ruleOf(bare(host.replace(/:$/, '')), bare(endpoint)))
  return { ...fact, rules: [...fact.rules, ...rules] }
}

/** Passwords that stand there; those of files of their own and sums are not asked for, as each sidecar has its own in its arguments. */
function withPolicy(fact: ServerFact, file: string | undefined, context: ContainerContext): ServerFact {
  if (file === undefined) return fact
  const read = context.readFile(file)
  if ('problem' in read) return { ...fact, authUnreadable: `--policy: ${file} ${read.problem}` }
  const parsed = parseDocument(read.text, 'yaml')
  if ('problem' in parsed) return { ...fact, authUnreadable: `--policy: ${file} ${parsed.problem}` }
  const users = new Section(parsed.value).sections('users').flatMap((user): Auth[] => {
    if (user.text('password') === '') return []
    const ids = user.has('tunnels') ? user.texts('tunnels').flatMap(id => parseUuid(id) ?? []) : undefined
    return [{ user: user.text('user'), password: user.text('password'), ...(ids !== undefined && { tunnels: ids }) }]
  })
  return { ...fact, auth: [...fact.auth, ...users] }
}
