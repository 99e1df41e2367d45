/** What a target's container has: its part of the flag table (`flags.ts`). */
import type { FlagSpec } from './flag-spec.ts'

export const ENVIRONMENT_FLAGS = [
  {
    name: 'container',
    short: 'c',
    arity: 'one',
    commands: ['intercept', 'env'],
    argument: 'NAME',
    summary: 'container whose environment and files are meant',
    default: 'the app that the sidecar forwards to',
    config: 'container'
  },
  {
    name: 'env-file',
    arity: 'one',
    commands: ['intercept', 'env'],
    argument: 'FILE',
    summary: "write the environment of the target's container to this file",
    config: 'never'
  },
  {
    name: 'env-syntax',
    arity: 'one',
    commands: ['intercept', 'env'],
    argument: 'SYNTAX',
    summary: 'how --env-file is written: dotenv, docker, compose, sh, csh, cmd, ps or json',
    default: 'dotenv',
    config: 'env-syntax'
  },
  {
    name: 'env-json',
    arity: 'one',
    commands: ['intercept', 'env'],
    argument: 'FILE',
    summary: "write the environment of the target's container to this file, as one JSON object",
    config: 'never'
  },
  {
    name: 'mount',
    arity: 'many',
    commands: ['intercept', 'env'],
    argument: 'DIR|NAME[:LOCAL]|PATH:LOCAL',
    summary:
      "the container's ConfigMaps, Secrets, projected and downward volumes as files below DIR, followed and removed at the end; NAME (a volume) or PATH (in the container): a copy of what only the container has",
    config: 'never'
  },
  {
    name: 'redact',
    arity: 'none',
    commands: ['env'],
    summary: 'leave out what comes from Secrets or looks like a secret',
    config: 'never'
  }
] as const satisfies readonly FlagSpec[]
