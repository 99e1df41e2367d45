/**
 * The two kinds of error this program raises on purpose. `InterceptError` is the only one a user sees: what failed, on what, and a
 * command to type. `ProtocolError` is a peer breaking a wire contract; it is wrapped at the tunnel boundary. Anything else is a bug.
 */

/** Every code a user can meet, with its exit code (docs/errors.md lists them; a test keeps both in step). */
export const EXIT_CODES = {
  BAD_USAGE: 2,
  KUBECONFIG_INVALID: 3,
  CONFIG_INVALID: 3,
  CLUSTER_UNREACHABLE: 4,
  CLUSTER_UNAUTHORIZED: 4,
  CLUSTER_FORBIDDEN: 4,
  CLUSTER_CREDENTIALS: 4,
  TARGET_NOT_FOUND: 5,
  TARGET_AMBIGUOUS: 5,
  TUNNEL_NOT_FOUND: 5,
  ROUTE_UNAVAILABLE: 6,
  SERVICE_UNREACHABLE: 6,
  TUNNEL_REJECTED: 7,
  TUNNEL_LOST: 7,
  LOCAL_UNREACHABLE: 8,
  LOCAL_PORT_TAKEN: 8,
  CLUSTER_NOT_SERVING: 9,
  TAKEN: 10,
  NO_SESSION: 5,
  CONSENT_NEEDED: 2,
  SHARE_UNAVAILABLE: 2,
  CANNOT_REPLAY: 2,
  MOUNT_FAILED: 8
} as const

export type ErrorCode = keyof typeof EXIT_CODES

/** Exit codes that are not tied to an error code (128 + signal; 70 = bug; 125 = failed before `-- COMMAND` was run). */
export const EXIT = { OK: 0, DIFFERENCES: 1, BUG: 70, BEFORE_CHILD: 125, SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

export interface InterceptErrorOptions {
  /** One sentence with a command to type. */
  hint?: string
  /** Plain data for `-o json`; never a secret. */
  details?: Readonly<Record<string, unknown>>
  cause?: unknown
}

export class InterceptError extends Error {
  override readonly name = 'InterceptError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: InterceptErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.details = options.details ?? {}
  }
}

/** A peer broke a wire contract. `code` is stable and names the layer; `wire` is what the peer must be told, when the protocol can say it. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: string
  readonly wire: number | undefined

  constructor(code: string, message: string, options: { wire?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.wire = options.wire
  }
}

export const exitCodeFor = (error: unknown): number => (error instanceof InterceptError ? EXIT_CODES[error.code] : EXIT.BUG)

/** The error as an Error, whatever was thrown. */
export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))

/** The errno name of a Node system error (`ECONNREFUSED`), else undefined. */
export const errnoOf = (error: unknown): string | undefined => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** True when the error is our own signal saying stop: control flow, never shown. */
export const isAbort = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'AbortError' || errnoOf(error) === 'ABORT_ERR')
