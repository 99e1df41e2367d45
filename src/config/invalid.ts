/** CONFIG_INVALID: with the way to go on without the file. */
import { InterceptError } from '../base/errors.ts'

export function invalidConfig(
  message: string,
  { advice, details }: { advice?: string; details?: Readonly<Record<string, unknown>> } = {}
): InterceptError {
  const without = 'to go on without the file: KUBECTL_INTERCEPT_CONFIG=off kubectl intercept …'
  return new InterceptError('CONFIG_INVALID', message, {
    hint: advice === undefined ? without : `${advice} Else, ${without}`,
    ...(details === undefined ? {} : { details })
  })
}
