import { describe, expect, it } from 'vitest'
import { type Fields, forwarding, type Hop } from '../../../src/server/forwarding.ts'
import { networksOf } from '../../../src/transport/networks.ts'
import { HOST, startWorld } from './world.ts'

const tell = forwarding(networksOf(['10.0.0.0/8', 'fd00::/8']))
const hop = (source: string, host = 'shop.local:8080', secure = false): Hop => ({ source: { host: source, port: 4711 }, host, secure })
const SAID: Fields = [
  ['Host', 'shop.local:8080'],
  ['X-Forwarded-For', '192.0.2.1'],
  ['x-forwarded-for', '192.0.2.2'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Forwarded-Host', 'www.example'],
  ['X-Forwarded-Port', '443'],
  ['X-Real-Ip', '192.0.2.1'],
  ['Forwarded', 'for=192.0.2.1'],
  ['X_Forwarded_For', 'spoofed'],
  ['Accept', '*/*']
]

describe('fields that tell who asked', () => {
  it('replace what a stranger says of that, in any spelling, and leave all others in their order', () => {
    expect(tell(SAID, hop('192.0.2.9'))).toEqual([
      ['Host', 'shop.local:8080'],
      ['Accept', '*/*'],
      ['X-Forwarded-For', '192.0.2.9'],
      ['X-Forwarded-Proto', 'http'],
      ['X-Forwarded-Host', 'shop.local:8080'],
      ['X-Forwarded-Port', '8080'],
      ['X-Real-Ip', '192.0.2.9'],
      ['Forwarded', 'for=192.0.2.9;host="shop.local:8080";proto=http']
    ])
  })

  it('keep what a trusted proxy says, and add it to the chains', () => {
    for (const [source, address, node] of [
      ['10.1.2.3', '10.1.2.3', '10.1.2.3'],
      ['::ffff:10.1.2.3', '10.1.2.3', '10.1.2.3'],
      ['fd00::1', 'fd00::1', '"[fd00::1]"']
    ] as const)
      expect(tell(SAID, hop(source, 'shop.local', true)).slice(2)).toEqual([
        ['X-Forwarded-For', `192.0.2.1, 192.0.2.2, ${address}`],
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Host', 'www.example'],
        ['X-Forwarded-Port', '443'],
        ['X-Real-Ip', '192.0.2.1'],
        ['Forwarded', `for=192.0.2.1, for=${node};host=shop.local;proto=https`]
      ])
  })
})

describe('networks', () => {
  it('hold what is in them', () => {
    const networks = networksOf(['10.0.0.0/8', '192.0.2.7', 'fd00::/8'])
    const asked = ['10.255.0.1', '11.0.0.1', '192.0.2.7', '192.0.2.8', '::ffff:10.0.0.1', 'fdff::1', 'fe80::1', 'nobody']
    expect(asked.filter(address => networks.has(address))).toEqual(['10.255.0.1', '192.0.2.7', '::ffff:10.0.0.1', 'fdff::1'])
  })

  it.each(['10.0.0.0/33', 'fd00::/129', 'localhost', '', '10.0.0.0/8/8', '10.0.0/8'])('are not %j', text => {
    expect(() => networksOf([text])).toThrow(`${JSON.stringify(text)} is no network`)
  })
})

describe('a server', () => {
  const spoofed = { 'x-forwarded-for': '192.0.2.1', connection: 'keep-alive, x-forwarded-for, forwarded' }
  const seenBy = async (forwarded?: readonly string[]): Promise<Record<string, unknown> | undefined> => {
    await using world = await startWorld(forwarded === undefined ? {} : { server: { forwarded } })
    expect((await world.visit('/', { headers: spoofed })).status).toBe(200)
    return world.apps[0]?.seen[0]?.headers
  }

  it('tells who asked where it is told to, also when the visitor names those fields as his connection’s own', async () => {
    expect(await seenBy([])).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': HOST,
      'x-forwarded-port': '80',
      forwarded: `for=127.0.0.1;host=${HOST};proto=http`
    })
  })

  it('changes nothing by itself', async () => {
    expect(await seenBy()).not.toHaveProperty('forwarded')
  })
})
