/**
 * The bind: one relay request, one relay response, then the same bytes carry smux (protocol dossier §2.1; go-gost/x connector/tunnel/bind.go).
 * The reply is waited for with a deadline, which the stock client lacks.
 */
import { deadline, type Clock } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import { InterceptError, ProtocolError } from '../base/errors.ts'
import { ResponseDecoder } from '../relay/decode.ts'
import { bindRequest, whichRequest } from '../relay/addresses.ts'
import { CAPABILITY_VERSION, readCapability } from '../relay/capability.ts'
import { encodeRequest } from '../relay/encode.ts'
import { findTunnelId } from '../relay/find.ts'
import { type RelayRequest, type RelayResponse, STATUS } from '../relay/message.ts'
import { statusText } from '../relay/status.ts'

export interface BindOptions {
  /** Dashed UUID: a bearer secret. */
  tunnelId: string
  /** 1…255. */
  weight: number
  auth?: { user: string; password: string } | undefined
  /** For datagrams; each stream then carries those of one visitor. */
  udp?: boolean | undefined
}

export interface BindTiming {
  clock: Clock
  timeoutMs: number
  signal: AbortSignal
}

export interface Bound {
  connectorId: string
  peer: 'gost' | 'ours'
}

/**
 * Binds on a fresh connection. Bytes after the response stay in the connection for the next layer.
 * Throws TUNNEL_REJECTED when the server says no, TUNNEL_LOST when it says nothing or closes.
 */
export async function bind(connection: Connection, options: BindOptions, timing: BindTiming): Promise<Bound> {
  try {
    const request = bindRequest({ ...options, local: connection.local, capability: CAPABILITY_VERSION })
    return accept(await ask(connection, request, timing), options.weight)
  } catch (error) {
    connection.destroy()
    throw error
  }
}

/** Asks a server on a fresh connection which one it is, without being bound. Ends the connection. Throws TUNNEL_LOST and TUNNEL_REJECTED. */
export async function askPeer(connection: Connection, timing: BindTiming): Promise<Bound['peer']> {
  try {
    return readCapability(await ask(connection, whichRequest(), timing)) === undefined ? 'gost' : 'ours'
  } finally {
    connection.destroy()
  }
}

/** The answer, whatever its status is. */
async function ask(connection: Connection, request: RelayRequest, timing: BindTiming): Promise<RelayResponse> {
  const silent = (): Error =>
    new InterceptError('TUNNEL_LOST', `the tunnel server did not answer the bind within ${timing.timeoutMs / 1000} s`, {
      hint: 'check that the address leads to a gost tunnel server: kubectl intercept list -o wide'
    })
  const limit = deadline(timing.clock, timing.timeoutMs, silent, timing.signal)
  try {
    const response = readResponse(connection, limit.signal)
    connection.write(encodeRequest(request))
    return await response
  } finally {
    limit.done()
  }
}

function accept(response: RelayResponse, weight: number): Bound {
  if (response.status !== STATUS.OK) throw rejected(response, weight)
  return { connectorId: findTunnelId(response)?.uuid ?? '', peer: readCapability(response) === undefined ? 'gost' : 'ours' }
}

function rejected(response: RelayResponse, weight: number): InterceptError {
  const { status } = response
  // Only a server of ours, and only for this, marks a refusal of a bind.
  const most = status === STATUS.FORBIDDEN && readCapability(response) !== undefined ? findTunnelId(response)?.weight : undefined
  if (most !== undefined) {
    return new InterceptError(
      'TUNNEL_REJECTED',
      `the policy of the tunnel server refuses a weight of ${weight}: these credentials may take ${most} at most`,
      {
        hint: `take no more: --weight ${most}; or ask whoever runs the server to allow it in --policy (maxWeight)`,
        details: { status, maxWeight: most }
      }
    )
  }
  const hint =
    status === STATUS.UNAUTHORIZED
      ? 'give its credentials: --tunnel-auth USER:PASS or --tunnel-auth @FILE'
      : status === STATUS.FORBIDDEN
        ? `${weight > 1 ? 'take less with --weight, or ' : ''}ask whoever runs the server to allow it in --policy (tunnels, maxWeight)`
        : 'see what the server expects: kubectl intercept list -o wide'
  const what = status === STATUS.FORBIDDEN ? `, this tunnel or a weight of ${weight}` : ''
  return new InterceptError('TUNNEL_REJECTED', `the tunnel server refused the bind: ${statusText(status)}${what}`, {
    hint,
    details: { status }
  })
}

function readResponse(connection: Connection, signal: AbortSignal): Promise<RelayResponse> {
  return new Promise((resolve, reject) => {
    const decoder = new ResponseDecoder()
    const settle = (finish: () => void): void => {
      connection.off('readable', onReadable).off('end', onEnd).off('error', onError).off('close', onEnd)
      signal.removeEventListener('abort', onAbort)
      finish()
    }
    const onReadable = (): void => {
      try {
        for (let chunk: Buffer | null = connection.read(); chunk !== null; chunk = connection.read()) {
          const decoded = decoder.push(chunk)
          if (decoded === undefined) continue
          if (decoded.rest.length > 0) connection.unshift(decoded.rest)
          settle(() => resolve(decoded.message))
          return
        }
      } catch (error) {
        settle(() => reject(error instanceof ProtocolError ? notATunnel(error) : error))
      }
    }
    const onEnd = (): void => settle(() => reject(closedWithoutAnswer()))
    const onError = (error: Error): void =>
      settle(() =>
        reject(
          new InterceptError('TUNNEL_LOST', `the connection to the tunnel server broke during the bind: ${error.message}`, { cause: error })
        )
      )
    const onAbort = (): void => settle(() => reject(signal.reason))
    connection.on('readable', onReadable).on('end', onEnd).on('error', onError).on('close', onEnd)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    else onReadable()
  })
}

const notATunnel = (cause: ProtocolError): InterceptError =>
  new InterceptError('TUNNEL_REJECTED', 'what answers there does not speak the tunnel protocol', {
    hint: 'check the port and path of the tunnel server: kubectl intercept list -o wide',
    details: { protocol: cause.code },
    cause
  })

const closedWithoutAnswer = (): InterceptError =>
  new InterceptError('TUNNEL_LOST', 'the tunnel server closed the connection without an answer to the bind', {
    hint: 'check that the address leads to the tunnel port of a gost server, not to its entrypoint: kubectl intercept list -o wide'
  })
