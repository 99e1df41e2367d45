/**
 * Rules in a file of their own, one a line as in gost's ingress files: `HOST TUNNEL-ID`, `HOST: TUNNEL-ID` too; `$` before the id makes it private, `#`
 * starts a comment. A bad line is an error here: half of the rules would be worse than the ones before.
 */
import { InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import type { RouteRule } from './routes.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const HOST = /^(?:\*|(?:\*?\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?)$/i
const MOST_RULES = 10_000

/** Throws CONFIG_INVALID with the line; ids stay out of it. */
export function parseRules(text: string, shown: string): RouteRule[] {
  const rules: RouteRule[] = []
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const words = line.replace(/#.*$/, '').trim().split(/\s+/)
    if (words[0] === '') continue
    const [name = '', endpoint = '', more] = words
    const host = name.replace(/:$/, '').replace(/^(["'])(.*)\1$/, '$2')
    const id = endpoint.replace(/^(["'])(.*)\1$/, '$2')
    const why = !HOST.test(host)
      ? `${JSON.stringify(printable(host, 60))} is no host name`
      : !UUID.test(id.replace(/^\$/, ''))
        ? `${host} has no tunnel id behind it`
        : more === undefined
          ? undefined
          : 'there is more than a host and an id'
    if (why !== undefined || rules.length >= MOST_RULES) {
      throw new InterceptError('CONFIG_INVALID', `${shown}, line ${at + 1}: ${why ?? `more than ${MOST_RULES} rules`}`, {
        hint: 'a line is HOST TUNNEL-ID, as in: *.example.org 10bc451e-0000-4000-8000-000000000000'
      })
    }
    rules.push({ host, tunnelId: id.replace(/^\$/, '').toLowerCase(), private: id.startsWith('$') })
  }
  return rules
}
