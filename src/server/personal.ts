/**
 * Personal intercepts: a connector with a filter takes the requests that match and nothing else. The most specific filter that matches wins
 * (`filter/specificity.ts`), then the one that was bound first. Pure.
 */
import type { Expression } from '../filter/expression.ts'
import type { Filter, Subject } from '../filter/filter.ts'
import { compareSpecificity, sameFilterKey } from '../filter/specificity.ts'
import { subjectOf } from '../filter/subject.ts'
import { nonceOf, pathNonceOf, sessionOf } from '../tunnel/probe-names.ts'

export interface Personal {
  readonly expression: Expression
  matches(subject: Subject): boolean
  /** Equal for filters that say the same. */
  readonly key: string
  /** The session whose probes find it, whatever its filter. */
  readonly session: string | undefined
}

/** What a visitor asks for, as far as a choice depends on it. */
export interface Asked {
  /** Undefined for what is not HTTP: no filter matches it. */
  subject?: Subject
  /** A probe of this session. */
  session?: string | undefined
}

export const personalOf = ({ expression, matches }: Filter, session: string | undefined): Personal => ({
  expression,
  matches,
  key: sameFilterKey(expression),
  session
})

export const askedByRequest = (request: NonNullable<Parameters<typeof subjectOf>[0]['request']>, source: string): Asked => ({
  subject: subjectOf({ request, source }),
  session: sessionIn(pathNonceOf(request.path))
})

/** A relay CONNECT. */
export const askedByName = (host: string): Asked => ({ session: sessionIn(nonceOf(host)) })

const sessionIn = (nonce: string | undefined): string | undefined => (nonce === undefined ? undefined : sessionOf(nonce))

/** Those of the candidates that the request belongs to: several only while one session has several. */
export function personalFor<T extends { readonly personal?: Personal | undefined }>(candidates: readonly T[], asked: Asked): T[] {
  const { subject, session } = asked
  if (session !== undefined) {
    const looked = candidates.filter(({ personal }) => personal?.session === session)
    if (looked.length > 0) return looked
  }
  if (subject === undefined) return []
  let best: Personal | undefined
  for (const { personal } of candidates) {
    if (personal === undefined || !personal.matches(subject)) continue
    if (best === undefined || compareSpecificity(personal.expression, best.expression) > 0) best = personal
  }
  const key = best?.key
  return key === undefined ? [] : candidates.filter(({ personal }) => personal?.key === key)
}
