/**
 * Credential plugins (`user.exec`): runs the command, reads the ExecCredential it prints. Knows no caching, see `credentials.ts`.
 * Reference: client-go plugin/pkg/client/auth/exec/exec.go and the API group client.authentication.k8s.io.
 */
import { CommandError, runCommand } from '../process/run-command.ts'
import { credentialsError } from './errors.ts'
import type { ClusterAccess, Env } from './kubeconfig.ts'
import type { ExecConfig } from './kubeconfig-file.ts'

export interface ExecCredential {
  token: string | undefined
  /** PEM. */
  certificate: { cert: string; key: string } | undefined
  /** Milliseconds since 1970, undefined = until it is refused. */
  expiresAt: number | undefined
}

export interface ExecContext {
  access: ClusterAccess
  /** PEM of the cluster's CA, for plugins that ask for it. */
  ca: string | undefined
  proxyUrl: string | undefined
  env: Env
  /** Somebody sits at the terminal and can be asked. */
  interactive: boolean
  signal?: AbortSignal | undefined
}

const API_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']

/** Throws CLUSTER_CREDENTIALS. */
export async function runExecPlugin(exec: ExecConfig, context: ExecContext): Promise<ExecCredential> {
  const { apiVersion } = exec
  if (apiVersion === undefined || !API_VERSIONS.includes(apiVersion)) {
    throw credentialsError(`user ${context.access.userName}: exec.apiVersion ${apiVersion ?? '(none)'} is not supported`, {
      hint: `use ${API_VERSIONS.join(' or ')}`
    })
  }
  const interactive = isInteractive(exec, context)
  let stdout: string
  try {
    const result = await runCommand(exec.command, exec.args, {
      env: {
        ...context.env,
        ...Object.fromEntries(exec.env.map(({ name, value }) => [name, value])),
        KUBERNETES_EXEC_INFO: execInfo(exec, context, interactive)
      },
      stdin: interactive ? 'inherit' : 'ignore',
      // The text of a device login has to be seen while the plugin waits for it.
      stderr: 'both',
      signal: context.signal
    })
    stdout = result.stdout
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    throw credentialsError(`credential plugin of user ${context.access.userName}: ${error.message}`, {
      hint: hintFor(exec, error),
      cause: error
    })
  }
  return parseExecCredential(stdout, exec, apiVersion)
}

function isInteractive(exec: ExecConfig, { interactive, access }: ExecContext): boolean {
  const mode = exec.interactiveMode ?? 'IfAvailable'
  if (mode === 'Always' && !interactive) {
    throw credentialsError(`credential plugin ${exec.command} of user ${access.userName} needs a terminal to ask at`, {
      hint: `run ${[exec.command, ...exec.args].join(' ')} in a terminal first`
    })
  }
  return mode !== 'Never' && interactive
}

function execInfo(exec: ExecConfig, { access, ca, proxyUrl }: ExecContext, interactive: boolean): string {
  const { cluster } = access
  const info = {
    server: cluster.server,
    ...(cluster.tlsServerName === undefined ? {} : { 'tls-server-name': cluster.tlsServerName }),
    ...(cluster.insecureSkipTlsVerify ? { 'insecure-skip-tls-verify': true } : {}),
    ...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
    ...(proxyUrl === undefined ? {} : { 'proxy-url': proxyUrl }),
    ...(cluster.disableCompression ? { 'disable-compression': true } : {}),
    config: cluster.execConfig ?? null
  }
  return JSON.stringify({
    kind: 'ExecCredential',
    apiVersion: exec.apiVersion,
    spec: { ...(exec.provideClusterInfo ? { cluster: info } : {}), interactive }
  })
}

function hintFor(exec: ExecConfig, error: CommandError): string {
  if (error.failure === 'not-found' && exec.installHint !== undefined) {
    // Colours in a hint of a stranger's file could hide text.
    return exec.installHint.replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, '').trim()
  }
  return error.failure === 'not-found'
    ? `install ${exec.command}, or check PATH`
    : `run it by hand: ${[exec.command, ...exec.args].join(' ')}`
}

interface Printed {
  apiVersion?: unknown
  kind?: unknown
  status?: { token?: unknown; clientCertificateData?: unknown; clientKeyData?: unknown; expirationTimestamp?: unknown } | null
}

/** Throws CLUSTER_CREDENTIALS; what was printed is never quoted, it may hold a token. */
export function parseExecCredential(stdout: string, exec: Pick<ExecConfig, 'command'>, apiVersion: string): ExecCredential {
  const wrong = (problem: string): Error =>
    credentialsError(`credential plugin ${exec.command} ${problem}`, { hint: `run it by hand: ${exec.command}` })
  let printed: Printed
  try {
    printed = JSON.parse(stdout) as Printed
  } catch {
    throw wrong('did not print JSON')
  }
  if (printed.kind !== 'ExecCredential') throw wrong('did not print an ExecCredential')
  if (printed.apiVersion !== apiVersion) throw wrong(`answered in ${String(printed.apiVersion)}, expected ${apiVersion}`)
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = printed.status ?? {}
  const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
  const pair = { cert: text(cert), key: text(key) }
  if ((pair.cert === undefined) !== (pair.key === undefined)) throw wrong('printed a certificate without its key, or the other way round')
  if (text(token) === undefined && pair.cert === undefined) throw wrong('printed neither a token nor a certificate')
  const expiresAt = text(expirationTimestamp)
  return {
    token: text(token),
    certificate: pair.cert === undefined || pair.key === undefined ? undefined : { cert: pair.cert, key: pair.key },
    expiresAt: expiresAt === undefined || Number.isNaN(Date.parse(expiresAt)) ? undefined : Date.parse(expiresAt)
  }
}
