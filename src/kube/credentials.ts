/**
 * Who we are towards the API server: headers and client certificate, renewed when they expire or are refused. As with kubectl, nothing of
 * this is sent over plain http, and a plugin is not asked when a token, password or certificate is given beside it.
 */
import { readFile } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import { errnoOf, InterceptError } from '../base/errors.ts'
import { credentialsError } from './errors.ts'
import type { ExecContext, ExecCredential } from './exec-plugin.ts'
import type { UserEntry } from './kubeconfig-file.ts'
import { oidcToken } from './oidc.ts'

export interface Certificate {
  cert: string
  key: string
}

export type AuthHeaders = Readonly<Record<string, string | string[]>>

export interface Credentials {
  /** Authorization and impersonation headers for one request. Throws CLUSTER_CREDENTIALS. */
  headers(): Promise<AuthHeaders>
  certificate(): Promise<Certificate | undefined>
  /** After a 401: forgets what can be had anew. False when asking again is pointless. */
  renew(): boolean
}

const TOKEN_FILE_FRESH_MS = 10_000
/** A credential about to expire is not used for one more request. */
const EXPIRY_MARGIN_MS = 10_000

export const noCredentials: Credentials = { headers: async () => ({}), certificate: async () => undefined, renew: () => false }

export function userCredentials(user: UserEntry, context: Omit<ExecContext, 'signal'>, clock: Clock): Credentials {
  const fixed = impersonation(user)
  const source = tokenSource(user, context, clock)
  return {
    async headers() {
      const token = await source.token()
      if (token !== undefined) return { ...fixed, Authorization: `Bearer ${token}` }
      if (user.username === undefined) return fixed
      return { ...fixed, Authorization: `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}` }
    },
    async certificate() {
      const cert = user.clientCertificateData ?? (await readPem(user.clientCertificate, 'client-certificate'))
      const key = user.clientKeyData ?? (await readPem(user.clientKey, 'client-key'))
      if (cert !== undefined && key !== undefined) return { cert, key }
      if (cert !== undefined || key !== undefined) {
        throw new InterceptError(
          'KUBECONFIG_INVALID',
          `user ${context.access.userName} has a client ${cert === undefined ? 'key' : 'certificate'} without its other half`,
          {
            hint: 'kubectl config view --minify'
          }
        )
      }
      return source.certificate()
    },
    renew: source.renew
  }
}

interface TokenSource {
  token(): Promise<string | undefined>
  certificate(): Promise<Certificate | undefined>
  renew(): boolean
}

function tokenSource(user: UserEntry, context: Omit<ExecContext, 'signal'>, clock: Clock): TokenSource {
  if (user.tokenFile !== undefined) return fileSource(user.tokenFile, user.token, clock)
  if (user.token !== undefined) return fixedSource(user.token)
  const hasOther = user.username !== undefined || user.clientCertificate !== undefined || user.clientCertificateData !== undefined
  if (user.exec !== undefined && !hasOther) {
    const { exec } = user
    // Loaded only for those who have one: execa is the largest part of what a `list` would load.
    return execSource(async () => (await import('./exec-plugin.ts')).runExecPlugin(exec, context), clock)
  }
  if (user.authProvider !== undefined) {
    const provider = user.authProvider
    return { token: () => oidcToken(provider, context.access.userName), certificate: async () => undefined, renew: () => false }
  }
  return fixedSource(undefined)
}

const fixedSource = (token: string | undefined): TokenSource => ({
  token: async () => token,
  certificate: async () => undefined,
  renew: () => false
})

/** Projected service account tokens are replaced on disk while we run. */
function fileSource(file: string, fallback: string | undefined, clock: Clock): TokenSource {
  let read: { token: string; at: number } | undefined
  return {
    async token() {
      if (read !== undefined && clock.now() - read.at < TOKEN_FILE_FRESH_MS) return read.token
      try {
        const token = (await readFile(file, 'utf8')).trim()
        if (token === '') throw credentialsError(`token file ${file} is empty`)
        read = { token, at: clock.now() }
      } catch (error) {
        // Half-written or gone for a moment: the last one is better than none.
        if (read === undefined && fallback === undefined) throw fileError(error, file, 'tokenFile')
      }
      return read?.token ?? fallback
    },
    certificate: async () => undefined,
    renew() {
      const had = read !== undefined
      read = undefined
      return had
    }
  }
}

/** One run for all who ask at the same time; again when it expired or was refused. */
function execSource(run: () => Promise<ExecCredential>, clock: Clock): TokenSource {
  let current: Promise<ExecCredential> | undefined
  let settled: ExecCredential | undefined
  const fresh = (): Promise<ExecCredential> => {
    const expiresAt = settled?.expiresAt
    if (expiresAt !== undefined && clock.date().getTime() > expiresAt - EXPIRY_MARGIN_MS) forget()
    if (current !== undefined) return current
    const running = run()
    current = running
    running.then(
      credential => {
        if (current === running) settled = credential
      },
      () => {
        if (current === running) current = undefined // the next request asks again; the rejection reaches whoever awaits it
      }
    )
    return running
  }
  const forget = (): void => {
    current = undefined
    settled = undefined
  }
  return {
    token: async () => (await fresh()).token,
    certificate: async () => (await fresh()).certificate,
    renew() {
      // While one is being fetched the refused one is already history.
      if (settled !== undefined) forget()
      return true
    }
  }
}

function impersonation(user: UserEntry): AuthHeaders {
  if (user.impersonate === undefined) return {}
  const extra = Object.entries(user.impersonateExtra).map(([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, values])
  return {
    'Impersonate-User': user.impersonate,
    ...(user.impersonateUid === undefined ? {} : { 'Impersonate-Uid': user.impersonateUid }),
    ...(user.impersonateGroups.length === 0 ? {} : { 'Impersonate-Group': user.impersonateGroups }),
    ...Object.fromEntries(extra)
  }
}

/** Throws KUBECONFIG_INVALID. */
export async function readPem(file: string | undefined, field: string): Promise<string | undefined> {
  if (file === undefined) return undefined
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw fileError(error, file, field)
  }
}

const fileError = (error: unknown, file: string, field: string): Error =>
  error instanceof InterceptError
    ? error
    : new InterceptError('KUBECONFIG_INVALID', `${field} ${file} cannot be read (${errnoOf(error) ?? 'unknown reason'})`, {
        hint: `ls -l ${file}`,
        cause: error
      })
