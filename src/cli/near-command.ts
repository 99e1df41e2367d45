/** A target that is not there may be a mistyped command: `kubectl intercept lst`. */
import { InterceptError } from '../base/errors.ts'
import { nearest } from '../base/format.ts'
import { COMMAND_NAMES } from './command-names.ts'

export function withNearCommand(error: unknown, targets: readonly string[], intercepts: readonly string[] = []): unknown {
  if (!(error instanceof InterceptError) || error.code !== 'TARGET_NOT_FOUND') return error
  const [word] = targets
  if (targets.length > 1 && !targets.slice(1).some(target => target.includes('/'))) {
    const { code, message, hint, details, cause } = error
    const command = `a command stands after --: kubectl intercept ${word ?? ''} -- ${targets.slice(1).join(' ')}`
    return new InterceptError(code, message, { hint: hint === undefined ? command : `${hint} ${command}`, details, cause })
  }
  const [near] = word === undefined || word.includes('/') || targets.length > 1 ? [] : nearest(word, [...intercepts, ...COMMAND_NAMES], 1)
  if (near === undefined) return error
  const { code, message, hint, details, cause } = error
  const command = `did you mean ${intercepts.includes(near) ? '' : 'the command '}kubectl intercept ${near}?`
  return new InterceptError(code, message, { hint: hint === undefined ? command : `${command} Else: ${hint}`, details, cause })
}
