/** One visitor through a shared address: comes back over a connector, which tells the replica; is answered by somebody else; or is lost on the way. */
import { deadline, type Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { Emit } from '../event/types.ts'
import type { VisitorWay } from '../route/types.ts'
import { PATH_PREFIX } from '../tunnel/probe-names.ts'
import type { Arrival, ProbeBoard } from './probe-board.ts'
import { sayPathProbe } from './say-probe.ts'

export interface CoverProbe {
  way: VisitorWay
  host: string
  attempt: number
  of: number
}

export interface CoverProbing {
  target: string
  board: ProbeBoard
  clock: Clock
  emit: Emit
  random: () => string
}

export type Sighting = ({ kind: 'here' } & Arrival) | { kind: 'stranger' } | { kind: 'lost'; reason: string }

const WAIT_MS = 5_000

export async function sendCoverProbe(probing: CoverProbing, probe: CoverProbe, signal: AbortSignal): Promise<Sighting> {
  const { board, clock, emit } = probing
  const { way, host, attempt, of } = probe
  const nonce = probing.random()
  const expected = board.expectPath(nonce)
  const started = clock.now()
  const limit = deadline(clock, WAIT_MS, () => new Error(`no answer within ${WAIT_MS / 1_000} s`), signal)
  let sighting: Sighting = { kind: 'stranger' }
  let status: number | undefined
  try {
    void expected.arrived.then(arrival => (sighting = { kind: 'here', ...arrival }))
    status = (await way.request({ method: 'HEAD', path: PATH_PREFIX + nonce, host }, limit.signal)).status
  } catch (thrown) {
    if (signal.aborted) throw signal.reason
    sighting = { kind: 'lost', reason: `${way.describe}: ${asError(thrown).message}` }
  } finally {
    expected.cancel()
    limit.done()
  }
  sayPathProbe(emit, probing.target, { attempt, of, ms: clock.now() - started, status, hop: hopOf(sighting, way, status) })
  return sighting
}

function hopOf(sighting: Sighting, way: VisitorWay, status: number | undefined): string | undefined {
  if (sighting.kind === 'here') return undefined
  return sighting.kind === 'lost' ? sighting.reason : `${way.describe}: another connector, or a replica without us, answered (${status})`
}
