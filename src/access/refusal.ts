/** Why a destination cannot be reached: one line for the person, and what SOCKS and HTTP clients are told. */
import { formatEndpoint, type Endpoint } from '../base/connection.ts'
import { asError, errnoOf, type ErrorCode, InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { describeDialError } from '../transport/errors.ts'
import { REPLY } from './socks.ts'

export interface Refusal {
  /** Without a full stop; ends with the command to type, where there is one. */
  line: string
  socks: number
  http: number
}

const BY_CODE: Partial<Readonly<Record<ErrorCode, readonly [socks: number, http: number]>>> = {
  CLUSTER_FORBIDDEN: [REPLY.notAllowed, 403],
  CLUSTER_UNAUTHORIZED: [REPLY.notAllowed, 403],
  CLUSTER_CREDENTIALS: [REPLY.notAllowed, 403],
  CLUSTER_UNREACHABLE: [REPLY.networkUnreachable, 502],
  TARGET_NOT_FOUND: [REPLY.hostUnreachable, 502],
  SERVICE_UNREACHABLE: [REPLY.refused, 502],
  BAD_USAGE: [REPLY.failure, 400]
}

/** `to` as the client named it. */
export function refusalOf(thrown: unknown, to: Endpoint): Refusal {
  const error = asError(thrown)
  const where = printable(formatEndpoint(to), 300)
  if (error instanceof InterceptError) {
    const [socks, http] = BY_CODE[error.code] ?? [REPLY.failure, 502]
    return { line: `${where}: ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`, socks, http }
  }
  const { code, reason } = describeDialError(error)
  const line = `${where}: ${reason}`
  if (code === 'TIMED_OUT') return { line, socks: REPLY.hostUnreachable, http: 504 }
  if (code === 'REFUSED') return { line, socks: REPLY.refused, http: 502 }
  if (code === 'NO_SUCH_HOST' || code === 'UNREACHABLE') return { line, socks: REPLY.hostUnreachable, http: 502 }
  return { line, socks: REPLY.failure, http: 502 }
}

/** No answer to a dial within the time for it. */
export const timedOut = (ms: number): Error => Object.assign(new Error(`no connection within ${ms / 1000} s`), { code: 'ETIMEDOUT' })

export const isRefused = (error: unknown): boolean => errnoOf(error) === 'ECONNREFUSED'
