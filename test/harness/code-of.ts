/** What a decoder makes of bytes that it may refuse. */
import { ProtocolError } from '../../src/base/errors.ts'

/** The code of the ProtocolError that it throws, or `accepted`. Anything else that is thrown goes on. */
export function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof ProtocolError) return error.code
    throw error
  }
  return 'accepted'
}
