/** How node:http2 is told what is not in its types, and fields as it takes them. */
import type { OutgoingHttpHeaders } from 'node:http2'

/** For an answer: no Date of ours. */
export const AS_SAID = { sendDate: false }

/** For a session: a field that comes twice passes twice, as in HTTP/1. */
export const AS_OFTEN_AS_SAID = { strictSingleValueFields: false }

/** A name that comes more than once has all its values, in their order. */
export function grouped(fields: readonly (readonly [string, string])[]): OutgoingHttpHeaders {
  const groups = new Map<string, string[]>()
  for (const [name, value] of fields) groups.set(name, [...(groups.get(name) ?? []), value])
  return Object.fromEntries([...groups].map(([name, values]) => [name, values.length === 1 ? values[0] : values]))
}
