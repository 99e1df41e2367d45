/** Datagrams between ours and stock gost, both ways. The client of 3.2.6 ends a stream after its first answer: the next datagram gets a new one. */
import net from 'node:net'
import { describe, expect, it } from 'vitest'
import { connectRequest } from '../../src/relay/addresses.ts'
import { DatagramDecoder, encodeDatagram } from '../../src/relay/datagram.ts'
import { ResponseDecoder } from '../../src/relay/decode.ts'
import { encodeRequest } from '../../src/relay/encode.ts'
import { overCarrier } from '../../src/route/carrier.ts'
import { startSidecar } from '../../src/server/sidecar.ts'
import { dialTcp } from '../../src/transport/tcp.ts'
import { eventually } from '../harness/eventually.ts'
import { type GostVersion, startGostClient, startGostServer } from '../harness/gost.ts'
import { echo, type UdpPeer, udpPeer } from '../harness/udp.ts'
import { startWorld, TUNNEL } from '../unit/server/world.ts'

const versions: readonly GostVersion[] = ['ga', 'nightly']

/** Sends until it is answered: a datagram may get lost, here while a stream is being opened or ends. */
async function ask(visitor: UdpPeer, text: string, port: number): Promise<void> {
  await eventually(
    () => {
      visitor.send(text, port)
      expect(visitor.heard).toContain(`re: ${text}`)
    },
    { intervalMs: 100, timeoutMs: 10_000 }
  )
}

/** What a stock client does for a UDP visitor (`-L udp://… -F relay://…`): a CONNECT on the entrypoint, then datagrams with their lengths. */
async function relayVisitor(port: number): Promise<{ socket: net.Socket; heard: string[] }> {
  const socket = net.connect({ port, host: '127.0.0.1' })
  const { features, ...rest } = connectRequest({ destination: { host: 'dns.local', port: 53 }, tunnelId: TUNNEL })
  socket.write(encodeRequest({ ...rest, flags: 0x80, features: [{ type: 'network', network: 1 }, ...features] }))
  const heard: string[] = []
  const answer = new ResponseDecoder()
  const datagrams = new DatagramDecoder()
  let open = false
  socket.on('data', (chunk: Buffer) => {
    const bytes = open ? chunk : answer.push(chunk)?.rest
    if (bytes === undefined) return
    open = true
    heard.push(...datagrams.push(bytes).map(String))
  })
  await eventually(() => expect(open).toBe(true))
  return { socket, heard }
}

describe.each(versions)('UDP with stock gost %s', version => {
  it('reaches its rudp connector from our entrypoint, datagram after datagram', async () => {
    using app = await udpPeer(echo)
    await using world = await startWorld({
      weights: [],
      server: { entrypoints: [], udpEntrypoints: [{ host: '127.0.0.1', port: 0, tunnelId: TUNNEL }] }
    })
    const target = `127.0.0.1:${app.port}`
    await using _gost = await startGostClient({ version, serverPort: world.server.tunnelPort, tunnelId: TUNNEL, target, listener: 'rudp' })
    using visitor = await udpPeer()
    for (const text of ['a', 'b', 'x'.repeat(3_000)]) await ask(visitor, text, world.server.udpPorts[0] ?? 0)
    expect(world.server.stats()).toMatchObject({ binds: 1, refused: 0 })
  })

  it('reaches our rudp sidecar through its server', async () => {
    using app = await udpPeer(echo)
    await using server = await startGostServer({ version, hosts: [['dns.local', TUNNEL]] })
    const dial = overCarrier(dialTcp({ host: '127.0.0.1', port: server.tunnelPort }), {
      carrier: 'ws',
      path: '/proxy',
      hostHeader: undefined,
      tls: undefined
    })
    const sidecar = startSidecar({ dial, tunnelId: TUNNEL, weight: 1, target: { host: '127.0.0.1', port: app.port }, network: 'udp' })
    await sidecar.ready
    const visitor = await relayVisitor(server.entrypointPort)
    for (const text of ['a', '', 'x'.repeat(3_000)]) visitor.socket.write(encodeDatagram(Buffer.from(text)))
    await eventually(() => expect(visitor.heard).toEqual(['re: a', 're: ', `re: ${'x'.repeat(3_000)}`]))
    expect(app.sources.size).toBe(1)
    visitor.socket.destroy()
    await sidecar.close()
  })
})
