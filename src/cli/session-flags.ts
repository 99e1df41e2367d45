/** How an interception behaves: its part of the flag table (`flags.ts`). */
import type { FlagSpec } from './flag-spec.ts'

const SESSION = ['intercept'] as const

export const SESSION_FLAGS = [
  {
    name: 'port',
    short: 'p',
    arity: 'many',
    commands: SESSION,
    argument: '[NAME=]LOCAL[:REMOTE]',
    summary: 'where the local app listens (port or host:port); REMOTE selects the tunnel by Service or container port, NAME the target',
    default: "the app's port in the pod",
    config: 'port'
  },
  {
    name: 'weight',
    arity: 'one',
    commands: SESSION,
    argument: 'N',
    summary: 'connector weight 1…255; 255 takes all visitors, less shares them with the sidecars',
    default: '255',
    config: 'weight'
  },
  {
    name: 'split',
    arity: 'one',
    commands: SESSION,
    argument: 'PERCENT',
    summary:
      'take this share of the visitors, 1…100; the rest stays in the cluster. A running session is changed with: kubectl intercept set split=PERCENT',
    config: 'split'
  },
  {
    name: 'no-fallback',
    arity: 'none',
    commands: SESSION,
    summary: 'no return path: when the local port refuses, visitors of a stock server see it, and ours asks another connector',
    default: 'requests go back to a pod',
    config: 'no-fallback'
  },
  {
    name: 'return-limit',
    arity: 'one',
    commands: SESSION,
    argument: 'N',
    summary: 'most requests per second on the return path before the visitors are given back',
    default: '200',
    config: 'return-limit'
  },
  {
    name: 'on-pause',
    arity: 'one',
    commands: SESSION,
    argument: 'wait|cluster',
    summary: 'when the local app accepts but does not answer (a breakpoint): visitors wait, or new requests go back to a pod',
    default: 'wait',
    config: 'on-pause'
  },
  {
    name: 'no-wait',
    arity: 'none',
    commands: SESSION,
    summary: 'fail when the local port is closed at the start, instead of waiting for it',
    default: 'wait for it',
    config: 'no-wait'
  },
  {
    name: 'through-laptop',
    arity: 'none',
    commands: ['intercept', 'set'],
    summary:
      'consent to visitors that pass this laptop and are answered by a pod: a share that whole weights cannot express, or a filter or a mirror in front of a stock server',
    default: 'asked on a terminal',
    inCommand: {
      set: {
        summary: 'consent to a share that whole weights cannot express, or to a filter in front of a stock server',
        default: 'refused'
      }
    },
    config: 'never'
  },
  {
    name: 'capture',
    arity: 'one',
    commands: SESSION,
    argument: 'on|off',
    summary: 'off: requests are only counted, nothing of them is shown or told; for loads where every percent of CPU counts',
    default: 'on',
    config: 'capture'
  },
  {
    name: 'record',
    arity: 'one',
    commands: SESSION,
    argument: 'FILE',
    summary: 'write the traffic to FILE: .har for viewers and replay, .ndjson with all events; secret headers are masked',
    config: 'never'
  },
  {
    name: 'show-secrets',
    arity: 'none',
    commands: SESSION,
    summary: 'do not mask Authorization, Cookie and the like, on the screen, in events and recordings',
    config: 'never'
  },
  {
    name: 'grace',
    arity: 'one',
    commands: SESSION,
    argument: 'DURATION',
    summary: 'how long running requests may take to finish at the end',
    default: '10s',
    config: 'grace'
  },
  {
    name: 'require-all',
    arity: 'none',
    commands: SESSION,
    summary: 'fail unless every replica of the tunnel server is covered',
    config: 'require-all'
  },
  {
    name: 'probe-path',
    arity: 'one',
    commands: SESSION,
    argument: 'PATH',
    summary: 'path that the last check asks for, to see that the cluster serves again',
    default: '/',
    config: 'probe-path'
  },
  {
    name: 'takeover',
    arity: 'none',
    commands: SESSION,
    summary: 'when somebody else intercepts it: have it handed over, within 5 s',
    default: 'refused, with the name of whoever has it',
    config: 'never'
  },
  {
    name: 'join',
    arity: 'none',
    commands: SESSION,
    summary: 'when somebody else intercepts it: share the visitors at random',
    default: 'refused, with the name of whoever has it',
    config: 'never'
  },
  {
    name: 'dry-run',
    arity: 'optional',
    commands: SESSION,
    argument: 'client',
    summary: 'print the plan (target, tunnel, server, route, weight, permissions) and stop',
    config: 'never'
  },
  {
    name: 'events',
    arity: 'one',
    commands: SESSION,
    argument: 'FILE',
    summary: 'write every event to FILE as well, one JSON object a line; what -- COMMAND leaves stdout no place for',
    config: 'never'
  },
  {
    name: 'log-to',
    arity: 'one',
    commands: SESSION,
    argument: 'FILE',
    summary: 'what -- COMMAND writes goes to FILE, so that the screen has the terminal',
    default: 'the terminal, and lines instead of the screen',
    config: 'never'
  }
] as const satisfies readonly FlagSpec[]
