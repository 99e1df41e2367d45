/**
 * The path proof: a visitor's HEAD is answered by us, or in a tunnel of TLS a visitor's ClientHello. And what a server with a keep-alive pool
 * needs before that: its connections to the old connectors live on while they are used, whatever the weights, so they are used up by requests
 * that end with `Connection: close`.
 */
import { createHash } from 'node:crypto'
import { deadline, sleep } from '../base/clock.ts'
import type { Dial } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import { sendHello } from '../route/tls-probe.ts'
import type { VisitorWay } from '../route/types.ts'
import { PATH_PREFIX } from '../tunnel/probe-names.ts'
import { sayPathProbe } from './say-probe.ts'
import { type VerifyOptions, visitorHost } from './verify.ts'

export const PATH_WAIT_MS = 5_000
const TRIES = 3
const ARRIVAL_GRACE_MS = 200
/** Go keeps two idle connections per host: the third in a row that arrives here was dialled anew. */
const POOL_TRIES = 32
const POOL_IN_A_ROW = 3
/** A connection that was in use meanwhile comes back to the pool afterwards: look again, less and less often. */
const LOOK_AGAIN_MS = [100, 200, 400, 800, 1_500, 3_000, 5_000, 5_000, 15_000]

/** Undefined when a request arrived here; else why none did. */
export async function provePath(
  options: VerifyOptions,
  target: { way: VisitorWay; host: string },
  signal: AbortSignal
): Promise<string | undefined> {
  let reason: string | undefined
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    reason = await tryPath(options, { ...target, attempt, of: TRIES }, signal)
    if (reason === undefined) return undefined
  }
  return reason
}

/**
 * Undefined once the server's pool leads here, or has none. Only raw access to the entrypoint will do: an ingress controller keeps
 * `Connection: close` to itself.
 */
export async function emptyPool(options: VerifyOptions, signal: AbortSignal): Promise<string | undefined> {
  const way = options.route.visitor.find(each => each.dial !== undefined)
  const host = visitorHost(options.plan)
  if (!hasPool(options) || way === undefined || host === undefined) return undefined
  let inARow = 0
  let reason = ''
  for (let attempt = 1; attempt <= POOL_TRIES; attempt += 1) {
    const failed = await tryPath(options, { way, host, attempt, of: POOL_TRIES }, signal)
    inARow = failed === undefined ? inARow + 1 : 0
    if (inARow === POOL_IN_A_ROW) return undefined
    reason = failed ?? reason
  }
  return reason
}

/** For half a minute after the proofs, or until it is `over`. Never rejects. */
export async function keepPoolEmpty(options: VerifyOptions, over: () => boolean, signal: AbortSignal): Promise<void> {
  if (!hasPool(options)) return
  try {
    for (const ms of LOOK_AGAIN_MS) {
      await sleep(options.clock, ms, signal)
      if (over()) return
      await emptyPool(options, signal)
    }
  } catch {
    // The session ended.
  }
}

const hasPool = ({ plan, exclusive }: VerifyOptions): boolean => plan.server.keepalive && plan.protocol === 'http' && exclusive

function rawDial(way: VisitorWay): Dial {
  if (way.dial === undefined) throw new Error('no raw access to the entrypoint')
  return way.dial
}

async function tryPath(
  options: VerifyOptions,
  target: { way: VisitorWay; host: string; attempt: number; of: number },
  signal: AbortSignal
): Promise<string | undefined> {
  const { clock, emit, plan, board } = options
  const { way, host, attempt, of } = target
  const secret = options.random()
  const sessionId = createHash('sha256').update(secret).digest()
  const isTls = plan.protocol === 'tls'
  const nonce = isTls ? sessionId.toString('hex') : secret
  const expected = board.expectPath(nonce)
  const started = clock.now()
  const limit = deadline(clock, PATH_WAIT_MS, () => new Error(`no answer within ${PATH_WAIT_MS / 1000} s`), signal)
  let failed: string | undefined
  let status: number | undefined
  let arrived = false
  try {
    void expected.arrived.then(() => (arrived = true))
    if (isTls) {
      // The end that we answer with may come before or after the word from the gate.
      const said = await sendHello(rawDial(way), { serverName: host, sessionId }, limit.signal)
      if (!arrived) await Promise.race([expected.arrived, sleep(clock, ARRIVAL_GRACE_MS, limit.signal)])
      if (!arrived) failed = `${way.describe}: another connector ${said === 'answered' ? 'answered' : 'took it'}, or the server refused it`
    } else status = (await way.request({ method: 'HEAD', path: PATH_PREFIX + nonce, host }, limit.signal)).status
    if (status !== undefined && !arrived)
      failed = status >= 500 ? `${way.describe} answered ${status}` : `another connector, or an old pooled connection, answered (${status})`
  } catch (thrown) {
    if (signal.aborted) throw signal.reason
    failed = `${way.describe}: ${asError(thrown).message}`
  } finally {
    expected.cancel()
    limit.done()
  }
  sayPathProbe(emit, plan.name, { attempt, of, ms: clock.now() - started, status, hop: failed })
  return failed
}
