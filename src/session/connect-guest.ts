/** The way from a holder to its guests: through the entrypoint of a replica, into the private tunnel that the guest has bound there. */
import { deadline } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import { connectTunnel } from '../route/connect-tunnel.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import type { Guest } from './guests.ts'
import type { RunningTarget } from './running-target.ts'

export type ConnectGuest = (guest: Guest, stream: TunnelStream, signal: AbortSignal) => Promise<Connection>

/** To open a stream; then the request goes back to a pod. */
const PASS_MS = 3_000

/** Says once for each session what its first request took more. */
export function guestConnector(target: RunningTarget): ConnectGuest {
  const { clock, emit } = target.options
  const measured = new Set<string>()
  return async (guest, { source, destination }, signal) => {
    const routes = target.replicas?.all ?? []
    const dials = routes.flatMap(({ route }) => route.visitor.find(({ dial }) => dial !== undefined)?.dial ?? [])
    let failure: unknown = new Error('no access to the entrypoint (needs pods/portforward)')
    for (const dial of dials) {
      const started = clock.now()
      const limit = deadline(clock, PASS_MS, () => new Error(`no answer within ${PASS_MS / 1_000} s`), signal)
      try {
        const connection = await connectTunnel(dial, { tunnelId: guest.tunnelId, source, destination }, limit.signal)
        if (!measured.has(guest.session)) {
          measured.add(guest.session)
          const ms = Math.max(1, Math.round(clock.now() - started))
          const message = `requests of ${guest.user} are passed on by this laptop: ${ms} ms more for the first one, measured`
          emit('notice', { level: 'info', code: 'PASSED_ON', message })
        }
        return connection
      } catch (error) {
        failure = error
      } finally {
        limit.done()
      }
    }
    throw failure
  }
}
