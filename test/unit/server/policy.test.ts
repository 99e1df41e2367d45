import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bindRequest } from '../../../src/relay/addresses.ts'
import { RequestDecoder } from '../../../src/relay/decode.ts'
import { encodeRequest } from '../../../src/relay/encode.ts'
import { STATUS } from '../../../src/relay/message.ts'
import { type Credentials, decide, type Decision } from '../../../src/server/bind.ts'
import { chooseConnector } from '../../../src/server/choice.ts'
import { routesOf } from '../../../src/server/routes.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import { startConnector } from '../../../src/tunnel/connector.ts'
import { silent } from '../../../src/base/log.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { startWorld, TUNNEL } from './world.ts'

const OTHER = '4d21094e-b74c-4916-86c1-d9fa36ea677b'
const USERS: Credentials[] = [
  { user: 'ada', password: 'one', tunnels: [TUNNEL], maxWeight: 254, filters: false },
  { user: 'bob', password: 'three', filters: false, mirror: true },
  { user: 'eve', sha256: createHash('sha256').update('eve:two').digest('hex') }
]

function ask(
  auth: { user: string; password: string } | undefined,
  { tunnelId = TUNNEL, weight = 1, capability }: { tunnelId?: string; weight?: number; capability?: number } = {}
): Decision {
  const decoded = new RequestDecoder().push(encodeRequest(bindRequest({ tunnelId, weight, auth, capability })))
  if (decoded === undefined) throw new Error('no whole request')
  return decide(decoded.message, { routes: routesOf([]), credentials: USERS, direct: false })
}

describe('credentials', () => {
  const ada = { user: 'ada', password: 'one' }
  const bob = { user: 'bob', password: 'three' }
  const eve = { user: 'eve', password: 'two' }

  it('bind what the policy grants them', () => {
    expect(ask(ada)).toMatchObject({ kind: 'bind', grant: { maxWeight: 254 } })
    expect(ask(ada, { weight: 254 })).toMatchObject({ kind: 'bind' })
    expect(ask(eve, { tunnelId: OTHER, weight: 255 })).toMatchObject({ kind: 'bind' })
  })

  it('are refused by a status that says why', () => {
    expect(ask(ada, { weight: 255 })).toEqual({ kind: 'refuse', status: STATUS.FORBIDDEN })
    expect(ask(ada, { weight: 255, capability: 1 })).toEqual({ kind: 'refuse', status: STATUS.FORBIDDEN, maxWeight: 254 })
    expect(ask(ada, { tunnelId: OTHER })).toEqual({ kind: 'refuse', status: STATUS.FORBIDDEN })
    expect(ask({ ...ada, password: 'two' })).toEqual({ kind: 'refuse', status: STATUS.UNAUTHORIZED })
    expect(ask({ user: 'eve', password: 'one' })).toEqual({ kind: 'refuse', status: STATUS.UNAUTHORIZED })
    expect(ask(undefined)).toEqual({ kind: 'refuse', status: STATUS.UNAUTHORIZED })
  })

  it('of a connector of ours are told in words, and hold for filters too', async () => {
    await using world = await startWorld({ weights: [], server: { credentials: USERS } })
    const dial = dialWebSocket(dialTcp({ host: '127.0.0.1', port: world.server.tunnelPort }), { path: '/proxy' })
    const connect = (more: { tunnelId?: string; weight?: number; filter?: string; mirror?: number; auth?: typeof ada }) =>
      startConnector({
        dial,
        bind: { tunnelId: more.tunnelId ?? TUNNEL, weight: more.weight ?? 1, auth: more.auth ?? ada },
        hello: {
          kind: 'agent',
          ...(more.filter === undefined ? {} : { filter: more.filter }),
          ...(more.mirror === undefined ? {} : { mirror: more.mirror })
        },
        clock: systemClock,
        log: silent,
        onStream: ({ connection }) => connection.destroy()
      })
    const heavy = connect({ weight: 255 })
    await expect(heavy.ready).rejects.toMatchObject({
      code: 'TUNNEL_REJECTED',
      message: 'the policy of the tunnel server refuses a weight of 255: these credentials may take 254 at most',
      hint: 'take no more: --weight 254; or ask whoever runs the server to allow it in --policy (maxWeight)'
    })
    const elsewhere = connect({ tunnelId: OTHER })
    await expect(elsewhere.ready).rejects.toMatchObject({
      message: 'the tunnel server refused the bind: forbidden, this tunnel or a weight of 1'
    })
    const filtered = connect({ filter: 'header.x-user:a' })
    await expect(filtered.ready).rejects.toMatchObject({
      code: 'TUNNEL_REJECTED',
      message: 'the policy of the tunnel server refuses this: these credentials may have no filter (filters: false)',
      hint: expect.stringContaining('--policy')
    })
    const copied = connect({ mirror: 1 })
    await expect(copied.ready).rejects.toMatchObject({
      code: 'TUNNEL_REJECTED',
      message: expect.stringContaining('may take no copies (that needs mirror: true)')
    })
    const allowed = [connect({ mirror: 1, auth: bob }), connect({ mirror: 1, auth: eve })]
    await Promise.all(allowed.map(each => each.ready))
    const plain = connect({})
    await plain.ready
    await Promise.all([heavy, elsewhere, filtered, copied, ...allowed, plain].map(connector => connector.close()))
  })
})

describe('several connectors at 255', () => {
  const one = { weight: 255, network: 'tcp', condition: 'live', name: 'one' } as const
  const two = { ...one, name: 'two' } as const
  const light = { ...one, weight: 1, name: 'light' } as const
  const choose = (exclusive: 'share' | 'newest', connectors: (typeof one | typeof two | typeof light)[], draw: number) =>
    chooseConnector(connectors, { network: 'tcp', random: () => draw, exclusive })?.name

  it('share as with gost, or the one bound last has it alone', () => {
    expect([0, 0.99].map(draw => choose('share', [one, two, light], draw))).toEqual(['one', 'two'])
    expect([0, 0.99].map(draw => choose('newest', [one, two, light], draw))).toEqual(['two', 'two'])
    expect(choose('newest', [light], 0)).toBe('light')
  })
})
