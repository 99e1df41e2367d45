/** kubectl's flags over the entries of a kubeconfig. The odd rules (what clears what) are those of client-go's client_config.go. */
import path from 'node:path'
import { InterceptError } from '../base/errors.ts'
import type { KubeFlags } from './kubeconfig.ts'
import type { ClusterEntry, UserEntry } from './kubeconfig-file.ts'

export const emptyCluster: ClusterEntry = {
  server: undefined,
  tlsServerName: undefined,
  insecureSkipTlsVerify: false,
  certificateAuthority: undefined,
  certificateAuthorityData: undefined,
  proxyUrl: undefined,
  disableCompression: false,
  execConfig: undefined
}

export const emptyUser: UserEntry = {
  clientCertificate: undefined,
  clientCertificateData: undefined,
  clientKey: undefined,
  clientKeyData: undefined,
  token: undefined,
  tokenFile: undefined,
  impersonate: undefined,
  impersonateUid: undefined,
  impersonateGroups: [],
  impersonateExtra: {},
  username: undefined,
  password: undefined,
  authProvider: undefined,
  exec: undefined
}

export function overrideCluster(entry: ClusterEntry | undefined, flags: KubeFlags): ClusterEntry {
  const cluster = { ...(entry ?? emptyCluster) }
  if (flags.server !== undefined) cluster.server = flags.server
  // Either flag replaces all that the file says about trust, or a CA of the file would contradict --insecure-skip-tls-verify.
  if (flags.insecureSkipTlsVerify === true || flags.certificateAuthority !== undefined) {
    cluster.insecureSkipTlsVerify = flags.insecureSkipTlsVerify === true
    cluster.certificateAuthority = flags.certificateAuthority === undefined ? undefined : path.resolve(flags.certificateAuthority)
    cluster.certificateAuthorityData = undefined
  }
  // Another server makes the file's TLS name meaningless.
  if (flags.tlsServerName !== undefined || flags.server !== undefined) cluster.tlsServerName = flags.tlsServerName
  if (flags.disableCompression === true) cluster.disableCompression = true
  return cluster
}

export function overrideUser(entry: UserEntry | undefined, flags: KubeFlags): UserEntry {
  const user = { ...(entry ?? emptyUser) }
  if (flags.token !== undefined) {
    // kubectl 1.32 goes on with the file's tokenFile here; what somebody typed should not be ignored.
    user.token = flags.token
    user.tokenFile = undefined
  }
  if (flags.username !== undefined) user.username = flags.username
  if (flags.password !== undefined) user.password = flags.password
  if (flags.clientCertificate !== undefined) {
    user.clientCertificate = path.resolve(flags.clientCertificate)
    user.clientCertificateData = undefined
  }
  if (flags.clientKey !== undefined) {
    user.clientKey = path.resolve(flags.clientKey)
    user.clientKeyData = undefined
  }
  if (flags.as !== undefined) user.impersonate = flags.as
  if (flags.asUid !== undefined) user.impersonateUid = flags.asUid
  if (flags.asGroup !== undefined && flags.asGroup.length > 0) user.impersonateGroups = [...flags.asGroup]
  return checkUser(user)
}

function checkUser(user: UserEntry): UserEntry {
  if ((user.token !== undefined || user.tokenFile !== undefined) && user.username !== undefined) {
    throw new InterceptError('KUBECONFIG_INVALID', 'both a token and a user name with password are given; only one is allowed', {
      hint: 'kubectl config view --minify; remove one of token, username'
    })
  }
  const extra = user.impersonateUid !== undefined || user.impersonateGroups.length > 0 || Object.keys(user.impersonateExtra).length > 0
  if (extra && user.impersonate === undefined) {
    throw new InterceptError('BAD_USAGE', '--as-group and --as-uid need --as', { hint: 'add --as=USER' })
  }
  return user
}

const UNITS_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Go's durations, or a bare number of seconds. 0 = no limit. Throws BAD_USAGE. */
export function requestTimeoutMs(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d+$/.test(text)) return Number(text) * 1_000
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(part => part[0]).join('') !== text) {
    throw new InterceptError('BAD_USAGE', `--request-timeout: "${text}" is not a duration`, { hint: '--request-timeout=30s' })
  }
  return parts.reduce((sum, part) => sum + Number(part[1]) * (UNITS_MS[part[2] ?? ''] ?? 0), 0)
}
