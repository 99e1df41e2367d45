/** A server of a test's own, on loopback. */
import type net from 'node:net'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { eventually } from './eventually.ts'

/** The port that it got. It stops listening with the test that called. */
export async function listening(server: net.Server): Promise<number> {
  onTestFinished(() => void server.close())
  server.listen(0, '127.0.0.1')
  await eventually(() => server.listening)
  return (server.address() as AddressInfo).port
}
