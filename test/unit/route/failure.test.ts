import { describe, expect, it } from 'vitest'
import type { TunnelPlan } from '../../../src/resolve/types.ts'
import { failureOf, routeUnavailable } from '../../../src/route/failure.ts'
import { WebSocketRefused } from '../../../src/transport/websocket.ts'

// Only its name is read.
const plan = { name: 'svc/nginx' } as TunnelPlan
const coded = (code: string): Error => Object.assign(new Error(code), { code })
const unavailable = (...errors: Error[]): ReturnType<typeof routeUnavailable> =>
  routeUnavailable(
    plan,
    errors.map(error => failureOf('url', error)),
    []
  )

describe('no way to the tunnel server', () => {
  it('says each way with its reason', () => {
    const error = unavailable(coded('ECONNREFUSED'), coded('ENOTFOUND'))
    expect(error.message).toBe('no way to the tunnel server of svc/nginx (url: connection refused; url: no such host)')
  })

  it.each([
    [new WebSocketRefused(404, ''), /check the WebSocket path .*--tunnel-server/],
    [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), /--tunnel-ca FILE/],
    [coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), /--tunnel-ca FILE/],
    [coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), /--tunnel-cert FILE.pem --tunnel-key/],
    [coded('ECONNREFUSED'), /--via ws:/]
  ])('hints at what mends %s', (error, hint) => {
    expect(unavailable(error).hint).toMatch(hint)
  })
})
