/**
 * One kubeconfig file → typed entries, as kubectl reads it: unknown fields are ignored, paths are relative to the file, a name may appear
 * once per list. Nothing is read but the file itself. Reference: client-go tools/clientcmd (loader.go, api/v1/conversion.go).
 */
import path from 'node:path'
import { parse, YAMLParseError } from 'yaml'
import { Fields, invalid, isRecord } from './kubeconfig-fields.ts'

export interface ClusterEntry {
  server: string | undefined
  tlsServerName: string | undefined
  insecureSkipTlsVerify: boolean
  /** Absolute path. */
  certificateAuthority: string | undefined
  /** PEM. */
  certificateAuthorityData: string | undefined
  proxyUrl: string | undefined
  disableCompression: boolean
  /** `extensions` entry `client.authentication.k8s.io/exec`, handed to exec plugins. */
  execConfig: unknown
}

export interface ExecConfig {
  apiVersion: string | undefined
  command: string
  args: string[]
  env: { name: string; value: string }[]
  installHint: string | undefined
  provideClusterInfo: boolean
  interactiveMode: 'Never' | 'IfAvailable' | 'Always' | undefined
}

export interface UserEntry {
  clientCertificate: string | undefined
  clientCertificateData: string | undefined
  clientKey: string | undefined
  clientKeyData: string | undefined
  token: string | undefined
  tokenFile: string | undefined
  impersonate: string | undefined
  impersonateUid: string | undefined
  impersonateGroups: string[]
  impersonateExtra: Record<string, string[]>
  username: string | undefined
  password: string | undefined
  authProvider: { name: string; config: Record<string, string> } | undefined
  exec: ExecConfig | undefined
}

export interface ContextEntry {
  cluster: string
  user: string
  namespace: string | undefined
}

export interface KubeconfigFile {
  currentContext: string | undefined
  clusters: Map<string, ClusterEntry>
  users: Map<string, UserEntry>
  contexts: Map<string, ContextEntry>
}

export const emptyKubeconfig = (): KubeconfigFile => ({
  currentContext: undefined,
  clusters: new Map(),
  users: new Map(),
  contexts: new Map()
})

/** Throws KUBECONFIG_INVALID that names the file and the field. */
export function parseKubeconfig(source: string, file: string): KubeconfigFile {
  const root = new Fields(parseYaml(source, file), file, '')
  if (root.empty) return emptyKubeconfig()
  const kind = root.text('kind')
  if (kind !== undefined && kind !== 'Config') throw invalid(file, 'kind', `is "${kind}", not "Config"`)
  return {
    currentContext: root.text('current-context'),
    clusters: namedList(root, { list: 'clusters', item: 'cluster' }, clusterEntry),
    users: namedList(root, { list: 'users', item: 'user' }, userEntry),
    contexts: namedList(root, { list: 'contexts', item: 'context' }, contextEntry)
  }
}

function parseYaml(source: string, file: string): unknown {
  try {
    return parse(source, { schema: 'core', merge: true, uniqueKeys: false, logLevel: 'error' })
  } catch (error) {
    const at = error instanceof YAMLParseError ? error.linePos?.[0] : undefined
    const where = at === undefined ? '' : ` (line ${at.line}, column ${at.col})`
    const what = error instanceof YAMLParseError ? error.code.toLowerCase().replaceAll('_', ' ') : 'cannot be parsed'
    throw invalid(file, '', `is not valid YAML: ${what}${where}`, error)
  }
}

function namedList<T>(root: Fields, names: { list: string; item: string }, read: (fields: Fields) => T): Map<string, T> {
  const out = new Map<string, T>()
  for (const [index, entry] of root.list(names.list).entries()) {
    const at = new Fields(entry, root.file, `${names.list}[${index}]`)
    const name = at.text('name') ?? ''
    if (out.has(name)) throw invalid(root.file, names.list, `holds the name "${name}" twice`)
    out.set(name, read(at.inner(names.item)))
  }
  return out
}

function clusterEntry(fields: Fields): ClusterEntry {
  return {
    server: fields.text('server'),
    tlsServerName: fields.text('tls-server-name'),
    insecureSkipTlsVerify: fields.flag('insecure-skip-tls-verify'),
    certificateAuthority: fields.path('certificate-authority'),
    certificateAuthorityData: fields.base64('certificate-authority-data'),
    proxyUrl: fields.text('proxy-url'),
    disableCompression: fields.flag('disable-compression'),
    execConfig: fields
      .list('extensions')
      .map(entry => (isRecord(entry) && entry['name'] === 'client.authentication.k8s.io/exec' ? entry['extension'] : undefined))
      .find(extension => extension !== undefined)
  }
}

function userEntry(fields: Fields): UserEntry {
  return {
    clientCertificate: fields.path('client-certificate'),
    clientCertificateData: fields.base64('client-certificate-data'),
    clientKey: fields.path('client-key'),
    clientKeyData: fields.base64('client-key-data'),
    token: fields.text('token'),
    tokenFile: fields.path('tokenFile'),
    impersonate: fields.text('as'),
    impersonateUid: fields.text('as-uid'),
    impersonateGroups: fields.texts('as-groups'),
    impersonateExtra: Object.fromEntries(
      fields
        .inner('as-user-extra')
        .keys()
        .map(key => [key, fields.inner('as-user-extra').texts(key)])
    ),
    username: fields.text('username'),
    password: fields.text('password'),
    authProvider: authProvider(fields.inner('auth-provider')),
    exec: execConfig(fields.inner('exec'))
  }
}

function contextEntry(fields: Fields): ContextEntry {
  return { cluster: fields.text('cluster') ?? '', user: fields.text('user') ?? '', namespace: fields.text('namespace') }
}

function authProvider(fields: Fields): UserEntry['authProvider'] {
  if (fields.empty) return undefined
  const config = fields.inner('config')
  return { name: fields.text('name') ?? '', config: Object.fromEntries(config.keys().map(key => [key, config.text(key) ?? ''])) }
}

function execConfig(fields: Fields): ExecConfig | undefined {
  if (fields.empty) return undefined
  const command = fields.text('command')
  if (command === undefined) throw invalid(fields.file, fields.name('command'), 'is missing')
  const mode = fields.text('interactiveMode')
  if (mode !== undefined && mode !== 'Never' && mode !== 'IfAvailable' && mode !== 'Always') {
    throw invalid(fields.file, fields.name('interactiveMode'), `is "${mode}", not Never, IfAvailable or Always`)
  }
  return {
    apiVersion: fields.text('apiVersion'),
    // A bare word is looked up in PATH; anything with a slash is a path relative to this file.
    command: command.includes(path.sep) ? fields.resolve(command) : command,
    args: fields.texts('args'),
    env: fields.list('env').map((entry, index) => {
      const at = new Fields(entry, fields.file, `${fields.name('env')}[${index}]`)
      return { name: at.text('name') ?? '', value: at.text('value') ?? '' }
    }),
    installHint: fields.text('installHint'),
    provideClusterInfo: fields.flag('provideClusterInfo'),
    interactiveMode: mode
  }
}
