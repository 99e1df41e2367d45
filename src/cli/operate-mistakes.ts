/** What a server or sidecar is told of its command line: an error where it cannot start like this, and with --check all of it. */
import { InterceptError } from '../base/errors.ts'
import type { ArgvFacts } from '../discovery/container.ts'
import type { Mistake } from '../discovery/mistakes.ts'
import { isLoopback } from '../discovery/address.ts'
import type { OperateSettings } from './operate-settings.ts'

interface Telling {
  settings: OperateSettings
  part: 'server' | 'sidecar'
  warn: (text: string) => void
}

/** Throws CONFIG_INVALID. What gost passes over is told to `warn`, unless it is only checked. */
export function refuseMistakes(facts: ArgvFacts, { settings, part, warn }: Telling): void {
  const { check } = settings
  const mistakes = [...facts.mistakes, ...doubledPorts(facts, settings).map((text): Mistake => ({ text, fatal: true }))]
  const refused = mistakes.filter(({ fatal, harmless }) => fatal || (check && harmless !== true)).map(({ text }) => text)
  for (const { text } of mistakes) if (!refused.includes(text)) warn(text)
  if (refused.length === 0) return
  throw new InterceptError('CONFIG_INVALID', refused.join('\n'), {
    hint: `mend ${refused.length > 1 ? 'these' : 'it'}, and check again: kubectl intercept ${part} --check …`
  })
}

interface Taken {
  host: string
  port: number
  by: string
}

/** Ports that two listeners of this process would take. Port 0 is any. */
function doubledPorts({ servers }: ArgvFacts, { entrypoints, udpEntrypoints, health }: OperateSettings): string[] {
  const taken: Taken[] = servers.flatMap(({ host = '', port, place: by = '', entrypoints: all }) => [
    { host, port, by },
    ...all.map(at => ({ host: at.host ?? '', port: at.port, by: `entrypoint=${at.host ?? ''}:${at.port}` }))
  ])
  taken.push(...entrypoints.map(at => ({ ...at, by: `--entrypoint ${at.host}:${at.port}` })))
  if (health?.asked === true) taken.push({ ...health.at, by: `--health ${health.at.host}:${health.at.port}` })
  const datagrams = udpEntrypoints.map(at => ({ ...at, by: `--udp-entrypoint ${at.host}:${at.port}` }))
  return [...doubled(taken), ...doubled(datagrams)]
}

const doubled = (taken: readonly Taken[]): string[] =>
  taken.flatMap((one, index) => {
    const other = taken.slice(0, index).find(each => each.port === one.port && one.port !== 0 && meet(each.host, one.host))
    return other === undefined ? [] : [`port ${one.port} is used twice: by ${other.by} and by ${one.by}`]
  })

const isAny = (host: string): boolean => host === '' || host === '0.0.0.0' || host === '::'
const meet = (a: string, b: string): boolean => a === b || isAny(a) || isAny(b) || (isLoopback(a) && isLoopback(b))
