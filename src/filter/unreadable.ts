/** How a filter that cannot be read is refused: one sentence with the place, and an example. */
import { InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'

const EXAMPLE = 'path:/api/* and not status:2xx'

/** `at` counts from 0; people count from 1. */
export function unreadable(reason: string, at: number, hint = `for example: ${EXAMPLE}`): InterceptError {
  return new InterceptError('BAD_USAGE', `the filter cannot be read at character ${at + 1}: ${reason}`, { hint, details: { at, reason } })
}

/** What was typed, as a message may repeat it. */
export const quoted = (text: string): string => `"${printable(text, 60)}"`
