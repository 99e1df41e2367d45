/**
 * Everything that can go wrong between us and a cluster, as an InterceptError with a command to type. The one place of this folder that
 * looks into the texts of others: API `Status` messages, Go's network errors in a port-forward.
 */
import { errnoOf, InterceptError, isAbort } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { describeDialError } from '../transport/errors.ts'

/** What was asked for, for the sentence and for `kubectl auth can-i`. */
export interface Asked {
  verb: string
  /** As `kubectl auth can-i` takes it: `pods`, `ingresses.networking.k8s.io`, `pods/portforward`. */
  resource: string
  namespace?: string | undefined
  name?: string | undefined
}

export interface ApiStatus {
  kind?: string | undefined
  reason?: string | undefined
  message?: string | undefined
  code?: number | undefined
}

const STATUS_BODY_LIMIT = 64 * 1024

/** The `Status` object in an answer's body, undefined when the body is something else. */
export function parseStatus(body: string): ApiStatus | undefined {
  if (body.length > STATUS_BODY_LIMIT || !body.startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status' ? (value as ApiStatus) : undefined
  } catch {
    return undefined
  }
}

const where = ({ namespace }: Asked): string => (namespace === undefined ? ' in all namespaces' : ` in namespace ${namespace}`)
const named = ({ name }: Asked): string => (name === undefined ? '' : ` ${name}`)

/** The error for an answer that is not a success. `server` and `user` are for the sentence. */
export function statusError(httpStatus: number, body: string, asked: Asked, who: { server: string; user: string }): InterceptError {
  const status = parseStatus(body)
  const details = { status: httpStatus, ...asked, reason: status?.reason, message: said(status, body) }
  if (httpStatus === 401) {
    return new InterceptError('CLUSTER_UNAUTHORIZED', `${who.server} does not accept the credentials of ${who.user}`, {
      hint: 'kubectl auth whoami; log in again if they have expired',
      details
    })
  }
  if (httpStatus === 403) {
    // Which verb a port-forward needs depends on the server's version (get before 1.35, create since): it says so itself.
    const verb = /cannot (\w+) resource/.exec(status?.message ?? '')?.[1] ?? asked.verb
    const scope = asked.namespace === undefined ? ' -A' : ` -n ${asked.namespace}`
    return new InterceptError('CLUSTER_FORBIDDEN', `${who.user} may not ${verb} ${asked.resource}${named(asked)}${where(asked)}`, {
      hint: `kubectl auth can-i ${verb} ${canIResource(asked)}${scope}`,
      details
    })
  }
  if (httpStatus === 404 && asked.name !== undefined) {
    return new InterceptError('TARGET_NOT_FOUND', `${asked.resource} ${asked.name} does not exist${where(asked)}`, {
      hint: `kubectl get ${asked.resource.split('/')[0]}${asked.namespace === undefined ? ' -A' : ` -n ${asked.namespace}`}`,
      details
    })
  }
  const what = said(status, body)
  return new InterceptError(
    'CLUSTER_UNREACHABLE',
    `${who.server} answered ${httpStatus} when asked to ${asked.verb} ${asked.resource}${named(asked)}${what === '' ? '' : `: ${what}`}`,
    { hint: 'kubectl get --raw /readyz', details }
  )
}

const canIResource = ({ resource }: Asked): string => {
  const [main = '', sub] = resource.split('/')
  return sub === undefined ? main : `${main} --subresource=${sub}`
}

/** The server's own words, without what a terminal could be fooled with. */
function said(status: ApiStatus | undefined, body: string): string {
  const text = status?.message ?? (body.startsWith('<') ? '' : body)
  return printable(text.trim().split('\n')[0] ?? '', 300)
}

/** No answer at all: refused, unresolvable, untrusted, cut. Our own errors and aborts pass through unchanged. */
export function unreachable(thrown: unknown, server: string): Error {
  if (thrown instanceof InterceptError) return thrown
  if (thrown instanceof Error && isAbort(thrown)) return thrown
  const { code, reason } = describeDialError(thrown)
  return new InterceptError('CLUSTER_UNREACHABLE', `cannot reach the API server at ${server}: ${reason}`, {
    hint: HINTS[code] ?? 'kubectl cluster-info; is the VPN up, is this the right --context?',
    details: { server, reason: code },
    cause: thrown
  })
}

const HINTS: Readonly<Record<string, string>> = {
  CERT_UNTRUSTED: 'check certificate-authority-data in kubectl config view --raw --minify, or name the CA with --certificate-authority',
  CERT_WRONG_NAME: 'name the certificate that the server shows with --tls-server-name',
  CERT_EXPIRED: 'kubectl version; the certificate has to be renewed, or the clock of this machine set',
  CERT_WANTED: 'kubectl config view --minify: the user needs client-certificate and client-key',
  NOT_TLS: 'check the scheme of the server in kubectl config view --minify'
}

export const credentialsError = (problem: string, options: { hint?: string | undefined; cause?: unknown } = {}): InterceptError =>
  new InterceptError('CLUSTER_CREDENTIALS', problem, { hint: options.hint ?? 'kubectl config view --minify', cause: options.cause })

/** What a kubelet says on the error stream of a port-forward, as an Error with the `code` Node would give a direct dial. */
export function forwardError(text: string, pod: string, port: number): Error {
  const message = printable(text.trim(), 500)
  const code = /connection refused/i.test(text)
    ? 'ECONNREFUSED'
    : /i\/o timeout|timed out/i.test(text)
      ? 'ETIMEDOUT'
      : /no such host|no route to host/i.test(text)
        ? 'EHOSTUNREACH'
        : 'ECONNRESET'
  const words = code === 'ECONNREFUSED' ? 'connection refused' : message
  return Object.assign(new Error(`pod ${pod}, port ${port}: ${words}`), { code, said: message })
}

/** The connection under a port-forward ended. */
export const forwardLost = (pod: string, cause?: unknown): Error =>
  Object.assign(new Error(`the port-forward to pod ${pod} was cut`, cause === undefined ? undefined : { cause }), { code: 'ECONNRESET' })

/** True when a kept-alive connection was closed by the server just as we reused it: safe to send again. */
export const isStaleConnection = (error: unknown): boolean => /^(?:ECONNRESET|EPIPE)$/.test(errnoOf(error) ?? '')

/** How a command in a container ended, on the error channel of an exec. */
export interface ExecStatus {
  status?: string
  reason?: string
  message?: string
  details?: { causes?: { reason?: string; message?: string }[] }
}

/** The command's own exit code; 127 where the runtime found no such program; else the exec itself failed, which is thrown. */
export function execExitCode({ status, reason, message = '', details }: ExecStatus): number {
  if (status === 'Success') return 0
  const code = details?.causes?.find(cause => cause.reason === 'ExitCode')?.message
  if (reason === 'NonZeroExitCode' && code !== undefined) return Number(code)
  if (/executable file not found|no such file or directory|permission denied/i.test(message)) return 127
  throw new Error(`the container could not run it: ${printable(message, 300)}`)
}
