/** Flags of `kubectl intercept access`. */
import type { FlagSpec } from './flag-spec.ts'

export const ACCESS_FLAGS = [
  {
    name: 'forward',
    arity: 'many',
    commands: ['access', 'intercept'],
    argument: '[LOCAL:]TARGET:PORT',
    summary:
      'listen on LOCAL (port or host:port, 0: any) for connections to TARGET (svc/x, pod/x or any name of the cluster); PORT is a number or a name',
    default: 'LOCAL is PORT',
    config: 'never'
  },
  {
    name: 'listen',
    arity: 'one',
    commands: ['access', 'intercept'],
    argument: 'PORT',
    summary: 'port of the proxy on 127.0.0.1',
    default: 'any',
    config: 'never'
  },
  {
    name: 'via-pod',
    arity: 'one',
    commands: ['access', 'intercept'],
    argument: '[NAMESPACE/]POD',
    summary: 'what no port-forward reaches is dialled by nc or socat in this pod',
    config: 'never'
  }
] as const satisfies readonly FlagSpec[]
