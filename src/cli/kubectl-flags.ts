/** kubectl's own flags, accepted by every command after the plugin name: kubectl itself refuses them before it. */
import type { FlagSpec } from './flag-spec.ts'

export const KUBECTL_FLAGS = [
  { name: 'kubeconfig', arity: 'one', commands: 'global', argument: 'FILE', summary: 'kubeconfig to use', config: 'never' },
  { name: 'context', arity: 'one', commands: 'global', argument: 'NAME', summary: 'context of the kubeconfig', config: 'context' },
  { name: 'cluster', arity: 'one', commands: 'global', argument: 'NAME', summary: 'cluster of the kubeconfig', config: 'never' },
  { name: 'user', arity: 'one', commands: 'global', argument: 'NAME', summary: 'user of the kubeconfig', config: 'never' },
  {
    name: 'namespace',
    short: 'n',
    arity: 'one',
    commands: 'global',
    argument: 'NAME',
    summary: 'namespace of the targets',
    default: "the context's",
    config: 'namespace'
  },
  { name: 'as', arity: 'one', commands: 'global', argument: 'USER', summary: 'impersonate this user', config: 'never' },
  {
    name: 'as-group',
    arity: 'many',
    commands: 'global',
    argument: 'GROUP',
    summary: 'impersonate this group; may repeat',
    config: 'never'
  },
  { name: 'as-uid', arity: 'one', commands: 'global', argument: 'UID', summary: 'impersonate this uid', config: 'never' },
  { name: 'server', short: 's', arity: 'one', commands: 'global', argument: 'URL', summary: 'address of the API server', config: 'never' },
  { name: 'token', arity: 'one', commands: 'global', argument: 'TOKEN', summary: 'bearer token for the API server', config: 'never' },
  {
    name: 'username',
    arity: 'one',
    commands: 'global',
    argument: 'NAME',
    summary: 'basic auth user name for the API server',
    config: 'never'
  },
  {
    name: 'password',
    arity: 'one',
    commands: 'global',
    argument: 'TEXT',
    summary: 'basic auth password for the API server',
    config: 'never'
  },
  {
    name: 'certificate-authority',
    arity: 'one',
    commands: 'global',
    argument: 'FILE',
    summary: 'certificates the API server is checked against',
    config: 'never'
  },
  {
    name: 'client-certificate',
    arity: 'one',
    commands: 'global',
    argument: 'FILE',
    summary: 'client certificate for the API server',
    config: 'never'
  },
  { name: 'client-key', arity: 'one', commands: 'global', argument: 'FILE', summary: 'key of the client certificate', config: 'never' },
  {
    name: 'insecure-skip-tls-verify',
    arity: 'none',
    commands: 'global',
    summary: "do not check the API server's certificate",
    config: 'never'
  },
  {
    name: 'tls-server-name',
    arity: 'one',
    commands: 'global',
    argument: 'NAME',
    summary: "name to expect in the API server's certificate",
    config: 'never'
  },
  {
    name: 'request-timeout',
    arity: 'one',
    commands: 'global',
    argument: 'DURATION',
    summary: 'how long one request to the API server may take',
    default: '0 (no limit)',
    config: 'never'
  },
  {
    name: 'v',
    short: 'v',
    arity: 'one',
    commands: 'global',
    argument: 'N',
    summary: 'log to stderr: 1 warnings, 2 information, 4 debug, 6 also each request to the API server',
    default: '0',
    config: 'never'
  },
  {
    name: 'cache-dir',
    arity: 'one',
    commands: 'global',
    argument: 'DIR',
    summary: "kubectl's discovery cache",
    config: 'never',
    unused: true
  },
  {
    name: 'disable-compression',
    arity: 'none',
    commands: 'global',
    summary: 'ask the API server for uncompressed answers',
    config: 'never'
  },
  { name: 'kuberc', arity: 'one', commands: 'global', argument: 'FILE', summary: "kubectl's preferences", config: 'never', unused: true },
  {
    name: 'log-flush-frequency',
    arity: 'one',
    commands: 'global',
    argument: 'DURATION',
    summary: "kubectl's log buffering",
    config: 'never',
    unused: true
  },
  { name: 'match-server-version', arity: 'none', commands: 'global', summary: "kubectl's version check", config: 'never', unused: true },
  { name: 'profile', arity: 'one', commands: 'global', argument: 'NAME', summary: "kubectl's profiling", config: 'never', unused: true },
  {
    name: 'profile-output',
    arity: 'one',
    commands: 'global',
    argument: 'FILE',
    summary: "kubectl's profiling file",
    config: 'never',
    unused: true
  },
  { name: 'vmodule', arity: 'one', commands: 'global', argument: 'LIST', summary: "kubectl's log filter", config: 'never', unused: true },
  {
    name: 'warnings-as-errors',
    arity: 'none',
    commands: 'global',
    summary: "the API server's warnings as errors",
    config: 'never',
    unused: true
  }
] as const satisfies readonly FlagSpec[]
