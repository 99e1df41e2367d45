/** Our own settings of `server` and `sidecar`: from flags and the file of `--config`, read and checked. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Endpoint } from '../base/connection.ts'
import { errnoOf } from '../base/errors.ts'
import { type Level, LEVELS } from '../base/log.ts'
import type { UdpEntrypointOptions } from '../server/udp-entrypoint.ts'
import { networksOf } from '../transport/networks.ts'
import type { ExclusivePolicy } from '../server/choice.ts'
import { type EntrypointSetting, readCertificate, readEntrypoint, readUdpEntrypoint } from './entrypoint-settings.ts'
import { type Given, splitArgs } from './operate-args.ts'
import { parseOperateConfig } from './operate-config.ts'
import type { OperateCommand, OperateFlagName, OperateScalar, OperateSwitch } from './operate-flags.ts'
import { badUsage, quoted, seeHelp } from './usage-error.ts'
import { readChoice, readDuration, readListen, type Typed } from './values.ts'

export interface OperateSettings {
  /** Say what would be done, and open nothing. */
  check: boolean
  /** `asked`: it must be there; the one of the image gives way to whatever else has the port. */
  health: { at: Endpoint; asked: boolean } | undefined
  drainDelayMs: number
  rules: string | undefined
  policy: string | undefined
  exclusive: ExclusivePolicy
  graceMs: number
  logFormat: 'text' | 'json'
  logLevel: Level
  /** Beside those of gost's command line. */
  entrypoints: EntrypointSetting[]
  udpEntrypoints: UdpEntrypointOptions[]
  /** The files of the certificate with which entrypoints answer TLS. */
  entrypointTls: { cert: string; key: string } | undefined
  /** Tell apps who asked, believing proxies in these networks. */
  forwarded: readonly string[] | undefined
}

export interface Operation {
  settings: OperateSettings
  /** gost's part of the command line. */
  gost: string[]
  warnings: string[]
}

const GRACE_MS = 10_000

const DRAIN_DELAY_MS = 5_000
const IMAGE_HEALTH = { host: '', port: 9_090 }

/** Throws BAD_USAGE or CONFIG_INVALID. In our image (its environment says so) some defaults are those of a cluster. */
export function readOperation(
  argv: readonly string[],
  command: OperateCommand,
  { cwd, env }: { cwd: string; env: Readonly<Record<string, string | undefined>> }
): Operation {
  const inImage = env['INTERCEPT_IMAGE'] !== undefined
  const { own, gost, warnings } = splitArgs(argv, command)
  const file = own.findLast(({ name }) => name === 'config')
  const given = new Settings([...(file === undefined ? [] : parseOperateConfig(readConfig(file, cwd), file.text, command)), ...own])
  const level = given.one('log-level')
  const asked = given.read('health', readHealth)
  const health =
    asked === undefined
      ? inImage
        ? { at: IMAGE_HEALTH, asked: false }
        : undefined
      : asked === 'off'
        ? undefined
        : { at: asked, asked: true }
  return {
    settings: {
      check: given.on('check'),
      health,
      drainDelayMs: given.read('drain-delay', readDuration) ?? (health === undefined ? 0 : DRAIN_DELAY_MS),
      rules: given.one('rules')?.text,
      policy: given.one('policy')?.text,
      exclusive: given.read('exclusive', typed => readChoice(typed, ['share', 'newest'])) ?? 'share',
      graceMs: given.read('grace', readDuration) ?? GRACE_MS,
      entrypoints: given.all('entrypoint').map(readEntrypoint),
      logFormat: given.read('log-format', typed => readChoice(typed, ['text', 'json'])) ?? (inImage ? 'json' : 'text'),
      udpEntrypoints: given.all('udp-entrypoint').map(readUdpEntrypoint),
      entrypointTls: readCertificate(given.one('entrypoint-cert'), given.one('entrypoint-key')),
      forwarded: readNetworks(given.all('forwarded')),
      logLevel: level === undefined ? gostLevel(gost) : readChoice(level, LEVELS)
    },
    gost,
    warnings
  }
}

class Settings {
  readonly #given: readonly Given[]
  constructor(given: readonly Given[]) {
    this.#given = given
  }

  /** All of one name, in their order. */
  all(name: OperateFlagName): Typed[] {
    return this.#given.filter(each => each.name === name)
  }

  /** The last one counts. */
  one(name: OperateScalar | OperateSwitch): Typed | undefined {
    return this.all(name).at(-1)
  }

  read<T>(name: OperateScalar, reader: (typed: Typed) => T): T | undefined {
    const typed = this.one(name)
    return typed === undefined ? undefined : reader(typed)
  }

  on(name: OperateSwitch): boolean {
    const typed = this.one(name)
    return typed !== undefined && readChoice(typed, ['true', 'false']) === 'true'
  }
}

/** Throws BAD_USAGE. `none` is nobody; undefined where nothing is asked for. */
function readNetworks(typed: readonly Typed[]): string[] | undefined {
  if (typed.length === 0) return undefined
  const networks = typed.filter(({ text }) => text !== 'none')
  for (const { flag, text } of networks) {
    try {
      networksOf([text])
    } catch {
      throw badUsage(`${flag} needs a network, not ${quoted(text)}`, `for example: ${flag} 10.0.0.0/8, or ${flag} none to believe nobody`)
    }
  }
  return networks.map(({ text }) => text)
}

const readHealth = (typed: Typed): Endpoint | 'off' => (typed.text === 'off' ? 'off' : readListen(typed, ':9090'))

const gostLevel = (gost: readonly string[]): Level =>
  gost.some(word => /^--?DD$/.test(word)) ? 'trace' : gost.some(word => /^--?D$/.test(word)) ? 'debug' : 'info'

function readConfig({ flag, text }: Typed, cwd: string): string {
  try {
    return readFileSync(path.resolve(cwd, text), 'utf8')
  } catch (error) {
    throw badUsage(`${flag}: ${quoted(text)} cannot be read (${errnoOf(error) ?? 'unknown reason'})`, seeHelp('server'))
  }
}
