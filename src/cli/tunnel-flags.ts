/** Which tunnel server, and the way to it: its part of the flag table (`flags.ts`). */
import type { FlagSpec } from './flag-spec.ts'

const SESSION = ['intercept'] as const

export const TUNNEL_FLAGS = [
  {
    name: 'via',
    arity: 'one',
    commands: SESSION,
    argument: 'ROUTE',
    summary: 'way to the tunnel server: auto, ingress, port-forward, service-proxy or a ws:// or wss:// URL',
    default: 'auto',
    config: 'never'
  },
  {
    name: 'tunnel-server',
    arity: 'one',
    commands: SESSION,
    argument: 'URL',
    summary: 'tunnel server to dial, without any discovery in a cluster (with --tunnel-id)',
    config: 'never'
  },
  {
    name: 'tunnel-id',
    arity: 'one',
    commands: SESSION,
    argument: 'UUID|@FILE',
    summary: 'tunnel to join; also from INTERCEPT_TUNNEL_ID',
    config: 'never'
  },
  {
    name: 'entrypoint',
    arity: 'one',
    commands: SESSION,
    argument: 'URL',
    summary: "the server's entrypoint as visitors reach it, for the proofs (with --tunnel-server)",
    config: 'never'
  },
  {
    name: 'tunnel-auth',
    arity: 'one',
    commands: SESSION,
    argument: 'USER:PASS|@FILE',
    summary: 'credentials of the tunnel server; also from INTERCEPT_TUNNEL_AUTH',
    config: 'never'
  },
  {
    name: 'tunnel-ca',
    arity: 'one',
    commands: SESSION,
    argument: 'FILE',
    summary: 'certificates (PEM) that the tunnel server is checked against',
    config: 'never'
  },
  {
    name: 'tunnel-cert',
    arity: 'one',
    commands: SESSION,
    argument: 'FILE',
    summary: 'client certificate (PEM) for a tunnel server that wants one',
    config: 'never'
  },
  { name: 'tunnel-key', arity: 'one', commands: SESSION, argument: 'FILE', summary: 'key (PEM) of that certificate', config: 'never' }
] as const satisfies readonly FlagSpec[]
