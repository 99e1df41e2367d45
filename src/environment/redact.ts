/** `--redact`: an environment to show to others. What comes from a Secret, what is called like one, and logins within URLs are left out. Pure. */
import type { Variable } from './types.ts'

export const REDACTED = 'REDACTED'

const SECRET_NAME =
  /pass(?:word|wd|phrase)(?:$|_)|(?:^|_)pass(?:$|_)|pwd$|secret|token|api_?key|private_?key|access_?key|credential|(?:^|_)auth(?:$|_)|cookie|signature/i
/** `scheme://user:password@host`, and the password of a connection string. */
const LOGIN = /([a-z][a-z0-9+.-]*:\/\/)[^/?#@\s]+@/gi
const CONNECTION_STRING = /((?:password|pwd|accountkey|sharedaccesskey|secret)\s*=)[^;&\s]+/gi

export const redact = (variables: readonly Variable[]): Variable[] =>
  variables.map(variable => ({ ...variable, value: redactedValue(variable) }))

function redactedValue({ name, value, secret }: Variable): string {
  if (value === '') return value
  if (secret || (SECRET_NAME.test(name) && !/^[A-Z0-9_]*_(?:PORT|SERVICE_HOST)(?:_|$)/.test(name))) return REDACTED
  return value.replace(LOGIN, `$1${REDACTED}@`).replace(CONNECTION_STRING, `$1${REDACTED}`)
}
