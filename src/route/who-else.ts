/**
 * Who else of us takes visitors of a tunnel: a relay CONNECT to a name that every session of ours answers with one line (`who.probe.invalid`, see
 * `session/gate.ts`). A pod sees one empty TCP connection. What it finds is certain; what it misses is chance, as with visitors.
 */
import { deadline, type Clock } from '../base/clock.ts'
import type { Dial } from '../base/connection.ts'
import { connectRequest } from '../relay/addresses.ts'
import { ResponseDecoder } from '../relay/decode.ts'
import { encodeRequest } from '../relay/encode.ts'
import { ask } from './ask.ts'

export const WHO_HOST = 'who.probe.invalid'

export interface OtherSession {
  /** Tells sessions apart; our own included. */
  session: string
  user: string
  weight: number
}

const LINE_LIMIT = 512

export const whoLine = ({ session, user, weight }: OtherSession): string => `${JSON.stringify({ intercept: 1, session, user, weight })}\n`

/** Asks so often, side by side. Failures count as nobody: this only ever adds a line for people. */
export async function whoElse(
  dial: Dial,
  options: { tunnelId: string; clock: Clock; asks: number; waitMs?: number },
  signal: AbortSignal
): Promise<OtherSession[]> {
  const { clock, asks, waitMs = 400 } = options
  const limit = deadline(clock, waitMs, () => new Error('nobody of us answered'), signal)
  try {
    const answers = await Promise.all(
      Array.from({ length: asks }, () => askOne(dial, options.tunnelId, limit.signal).catch(() => undefined))
    )
    const found = answers.filter(answer => answer !== undefined)
    return [...new Map(found.map(each => [each.session, each])).values()]
  } finally {
    limit.done()
  }
}

function askOne(dial: Dial, tunnelId: string, signal: AbortSignal): Promise<OtherSession | undefined> {
  const decoder = new ResponseDecoder()
  let opened = false
  let line = ''
  const read = (chunk: Buffer): { who: OtherSession | undefined } | undefined => {
    const rest = opened ? chunk : decoder.push(chunk)?.rest
    if (rest === undefined) return undefined
    opened = true
    line += rest.toString()
    return line.includes('\n') || line.length > LINE_LIMIT ? { who: parseWho(line) } : undefined
  }
  const bytes = encodeRequest(connectRequest({ destination: { host: WHO_HOST, port: 80 }, tunnelId }))
  return ask(dial, { bytes, read, atEnd: () => ({ who: undefined }) }, signal).then(({ who }) => who)
}

/** Undefined for anything but our own line: an app may have written a banner of its own. */
export function parseWho(line: string): OtherSession | undefined {
  try {
    const value: unknown = JSON.parse(line.slice(0, line.indexOf('\n')))
    if (typeof value !== 'object' || value === null || !('intercept' in value)) return undefined
    const { session, user, weight } = value as Record<string, unknown>
    if (typeof session !== 'string' || typeof user !== 'string' || typeof weight !== 'number') return undefined
    return { session, user, weight }
  } catch {
    return undefined
  }
}
