/** `set` of a running session: arguments from a socket or a key → one change of some targets. All are checked before the first is touched. */
import { InterceptError } from '../base/errors.ts'
import { nearest, printable } from '../base/format.ts'
import type { Filter } from '../filter/filter.ts'
import type { By, Change } from './change.ts'
import type { Intercept } from './options.ts'
import type { Args } from './request.ts'

const refused = (message: string): InterceptError =>
  new InterceptError('BAD_USAGE', message, {
    hint: 'for example: kubectl intercept set nginx weight=30; all forms: kubectl intercept set --help'
  })

const KINDS = ['weight', 'split', 'filter', 'hold', 'release'] as const

/** Throws BAD_USAGE: what comes from a socket may be anything. */
export function readChange(args: Args, parse: (text: string) => Filter): Change {
  const given = KINDS.filter(kind => args[kind] !== undefined && args[kind] !== false)
  const [kind, second] = given
  if (kind === undefined) throw refused('nothing to set: give a weight, a split, a filter, hold or release')
  if (second !== undefined) throw refused(`${kind} and ${second} cannot be set at once`)
  const value = args[kind]
  if (kind === 'weight') {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 255)
      throw refused('weight must be a whole number from 1 to 255')
    return { kind, weight: value }
  }
  if (kind === 'split') {
    if (typeof value !== 'number' || !(value > 0 && value <= 1)) throw refused('split must be a share above 0 and up to 1')
    return { kind, share: value, throughLaptop: args['throughLaptop'] === true }
  }
  if (kind === 'filter') {
    if (typeof value !== 'string') throw refused('filter must be a text')
    return { kind, filter: value.trim() === '' ? undefined : parse(value), throughLaptop: args['throughLaptop'] === true }
  }
  if (value !== true) throw refused(`${kind} must be true`)
  return { kind }
}

function chosen(targets: unknown, running: readonly Intercept[]): Intercept[] {
  const here = running.filter(({ state }) => state !== 'ended' && state !== 'failed')
  if (targets === undefined) return here
  if (!Array.isArray(targets) || targets.length === 0) throw refused('targets must be a list of names')
  return [...new Set(targets.map(String))].map(name => {
    const found = here.find(each => each.name === name)
    if (found !== undefined) return found
    const names = here.map(each => each.name)
    const [near] = nearest(name, names, 1)
    throw new InterceptError('TARGET_NOT_FOUND', `this session does not intercept "${printable(name, 100)}"`, {
      hint: near === undefined ? `it holds ${names.join(', ')}` : `did you mean kubectl intercept set ${near}?`
    })
  })
}

export const setCommand =
  (running: readonly Intercept[]) =>
  async (args: Args, by: By): Promise<Args> => {
    const { parseFilter } = await import('../filter/filter.ts')
    const change = readChange(args, parseFilter)
    const targets = chosen(args['targets'], running)
    if (targets.length === 0) {
      throw new InterceptError('NO_SESSION', 'no target of this session runs any more', { hint: 'see what runs: kubectl intercept list' })
    }
    for (const target of targets) target.check(change)
    const results = await Promise.allSettled(targets.map(target => target.change(change, by)))
    const failed = results.find(result => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return { targets: results.flatMap(result => (result.status === 'fulfilled' ? [{ ...result.value }] : [])) }
  }
