/**
 * The one rendering of errors: what failed · details only when they change what to do · hint · code. Anything that is not an InterceptError is a
 * bug of ours and says so; its stack is for those who asked for detail. Stream errors and signals are not decided here.
 */
import { asError, InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { maskUuids } from '../base/log.ts'
import type { ErrorShape } from '../event/types.ts'

export interface ErrorText {
  color: boolean
  /** Show the stack of a bug. */
  stack: boolean
  /** Where to report a bug. */
  reportUrl: string
}

export const BUG_CODE = 'BUG'

/** The error as data: the `error` event, and the object on stderr of one-shot commands. */
export function errorShape(error: unknown): ErrorShape {
  if (error instanceof InterceptError) {
    const shape: ErrorShape = { code: error.code, message: maskUuids(error.message) }
    if (error.hint !== undefined) shape.hint = maskUuids(error.hint)
    if (Object.keys(error.details).length > 0) shape.details = error.details
    return shape
  }
  return { code: BUG_CODE, message: `a bug in kubectl-intercept: ${maskUuids(asError(error).message)}` }
}

export const errorJson = (error: unknown): string => JSON.stringify({ v: 1, type: 'error', ...errorShape(error) })

/** Several lines, ending with a newline. */
export function renderError(error: unknown, { color, stack, reportUrl }: ErrorText): string {
  const bug = !(error instanceof InterceptError)
  const shape = errorShape(error)
  const paint = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text)
  const lines = [`${paint(31, 'error:')} ${safe(shape.message)}`]
  if (!bug) lines.push(...detailLines(shape.details ?? {}))
  if (bug && stack) lines.push(...stackLines(error))
  const hint = bug ? `please report it at ${reportUrl} with the output of the same command with -v 6` : shape.hint
  if (hint !== undefined) lines.push(`${paint(36, 'hint:')}  ${safe(hint)}`)
  lines.push(`${paint(2, 'code:')}  ${shape.code}`)
  return `${lines.join('\n')}\n`
}

/** `tried` (a list of lines) is what people need to choose another way; other details are for scripts. */
function detailLines(details: Readonly<Record<string, unknown>>): string[] {
  const tried = details['tried']
  return Array.isArray(tried) ? tried.map(entry => `  ${safe(typeof entry === 'string' ? entry : JSON.stringify(entry))}`) : []
}

function stackLines(error: unknown): string[] {
  const lines: string[] = []
  for (let at: unknown = error; at instanceof Error && lines.length < 60; at = at.cause) {
    const stack = maskUuids(at.stack ?? at.message).split('\n')
    lines.push(...(at === error ? stack.slice(1) : [`  caused by ${stack[0] ?? ''}`, ...stack.slice(1)]))
  }
  return lines.map(line => safe(line))
}

/** Foreign text may hold anything; our own line breaks survive, indented. */
const safe = (text: string): string =>
  text
    .split('\n')
    .map(line => printable(line))
    .join('\n  ')
