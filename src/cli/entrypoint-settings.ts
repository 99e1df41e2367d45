/** The flags that open entrypoints of our own beside gost's `entrypoint=`: `--entrypoint [HOST]:PORT[=TUNNEL]`. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Endpoint } from '../base/connection.ts'
import { asError, InterceptError } from '../base/errors.ts'
import { parseHostPort } from '../discovery/address.ts'
import type { EntrypointOptions } from '../server/entrypoint.ts'
import type { UdpEntrypointOptions } from '../server/udp-entrypoint.ts'
import { badUsage } from './usage-error.ts'
import { readUuid, type Typed } from './values.ts'

/** An address to listen on, and the tunnel that everything which arrives there goes to. */
export interface EntrypointSetting extends Endpoint {
  tunnelId?: string
}

/** Throws BAD_USAGE, which never repeats an id: also a mistyped one may be a secret. */
export function readEntrypoint(typed: Typed): EntrypointSetting {
  const { flag, text } = typed
  const equals = text.indexOf('=')
  const address = parseHostPort(equals < 0 ? text : text.slice(0, equals))
  if (address === undefined)
    throw badUsage(`${flag} needs an address with a port, and after = a tunnel id`, `for example: ${flag} :3306=UUID`)
  return equals < 0
    ? address
    : { ...address, tunnelId: readUuid({ ...typed, flag: `what stands behind = in ${flag}`, text: text.slice(equals + 1) }) }
}

/** Throws BAD_USAGE. */
export function readUdpEntrypoint(typed: Typed): UdpEntrypointOptions {
  const { tunnelId, ...address } = readEntrypoint(typed)
  if (tunnelId === undefined) throw badUsage(`${typed.flag} needs a tunnel id behind =`, `for example: ${typed.flag} :53=UUID`)
  return { ...address, tunnelId }
}

/** The files of a certificate and its key: both or none. Throws BAD_USAGE. */
export function readCertificate(cert: Typed | undefined, key: Typed | undefined): { cert: string; key: string } | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined)
    throw badUsage(
      '--entrypoint-cert and --entrypoint-key belong together',
      'name both: --entrypoint-cert tls.crt --entrypoint-key tls.key'
    )
  return { cert: cert.text, key: key.text }
}

/**
 * Those of gost's command line, and ours; all with the certificate but those that belong to one tunnel. What gost's `entrypoint.ProxyProtocol` says
 * holds for all.
 */
export function withEntrypoints<T extends { entrypoints: readonly EntrypointOptions[] }>(
  options: T,
  own: { entrypoints: readonly EntrypointSetting[]; tls: { cert: string; key: string } | undefined }
): T {
  const proxyProtocol = options.entrypoints.some(each => each.proxyProtocol === true)
  const all: EntrypointOptions[] = [...options.entrypoints, ...own.entrypoints.map(each => ({ ...each, proxyProtocol }))]
  const { tls } = own
  return { ...options, entrypoints: tls === undefined ? all : all.map(each => (each.tunnelId === undefined ? { ...each, tls } : each)) }
}

/** Throws CONFIG_INVALID for files that cannot be read or hold no certificate and its key. */
export function loadCertificate(
  files: { cert: string; key: string } | undefined,
  readFile: (path: string) => string
): { cert: string; key: string } | undefined {
  if (files === undefined) return undefined
  try {
    const read = { cert: readFile(files.cert), key: readFile(files.key) }
    if (!new X509Certificate(read.cert).checkPrivateKey(createPrivateKey(read.key))) throw new Error('they do not belong together')
    return read
  } catch (cause) {
    throw new InterceptError(
      'CONFIG_INVALID',
      `the certificate ${files.cert} and its key ${files.key} cannot be used: ${asError(cause).message}`,
      {
        hint: 'both are PEM files, as in a Secret of type kubernetes.io/tls: kubectl get secret NAME -o yaml',
        cause
      }
    )
  }
}
