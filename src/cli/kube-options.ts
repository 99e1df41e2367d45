/** kubectl's own flags, read into what `kube/` connects with. Absent fields are left to the kubeconfig. */
import type { KubeFlags } from '../kube/kubeconfig.ts'
import type { ParsedArgs } from './parse.ts'
import { readDuration } from './values.ts'

const TEXTS = [
  ['kubeconfig', 'kubeconfig'],
  ['context', 'context'],
  ['cluster', 'cluster'],
  ['user', 'user'],
  ['namespace', 'namespace'],
  ['server', 'server'],
  ['token', 'token'],
  ['username', 'username'],
  ['password', 'password'],
  ['certificate-authority', 'certificateAuthority'],
  ['client-certificate', 'clientCertificate'],
  ['client-key', 'clientKey'],
  ['tls-server-name', 'tlsServerName'],
  ['as', 'as'],
  ['as-uid', 'asUid'],
  ['request-timeout', 'requestTimeout']
] as const

export function readKubeFlags(args: ParsedArgs): KubeFlags {
  const flags: KubeFlags = {}
  for (const [flag, key] of TEXTS) {
    const text = args.text(flag)
    if (text !== undefined && text !== '') flags[key] = text
  }
  const { requestTimeout } = flags
  // A bare number is seconds here.
  if (requestTimeout !== undefined && !/^\d+$/.test(requestTimeout)) readDuration({ flag: '--request-timeout', text: requestTimeout })
  const groups = args.all('as-group')
  if (groups.length > 0) flags.asGroup = groups
  if (args.on('insecure-skip-tls-verify')) flags.insecureSkipTlsVerify = true
  if (args.on('disable-compression')) flags.disableCompression = true
  return flags
}
