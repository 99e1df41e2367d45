/**
 * What a tunnel does, whoever stands at its ends: one suite, run by `tunnel.test.ts` (ours with ours) and by the `*.peers.test.ts` files (ours
 * with stock gosts). Where a stock peer is known to differ, the pairing names it and the suite asserts the difference.
 */
import { describe, it } from 'vitest'
import { bindCases } from './tunnel-bind.ts'
import { httpCases } from './tunnel-http.ts'
import { loadCases } from './tunnel-load.ts'
import { selectionCases } from './tunnel-selection.ts'
import { streamCases } from './tunnel-streams.ts'
import { type DifferenceName, type Pairing, TunnelWorld } from './tunnel-world.ts'

export function tunnelSuite(pairing: Pairing): void {
  const { server, connector, carrier, cases } = pairing
  describe(`a ${connector} connector on a ${server} server over ${carrier}`, () => {
    const world = new TunnelWorld(pairing)
    describe('binding', () => bindCases(world))
    describe('HTTP', () => httpCases(world))
    describe('load', () => loadCases(world))
    if (cases === 'all') {
      describe('selection', () => selectionCases(world))
      describe('streams', () => streamCases(world))
    }
    it('breaks no session and no process over all of this', () => world.expectUndisturbed())
  })
}

/** Big enough to show a changed byte; the whole size is for one carrier of each pairing. */
export const CARRIER_BYTES = 8 * 1024 * 1024

/** What a stock server does not do (dossier, verified on both versions). */
export const STOCK_SERVER: Pairing['differs'] = [
  { case: 'expect-continue', reason: 'gost swallows the 100 of the app; the visitor waits for its own timer' },
  { case: 'half-close', reason: 'gost closes the whole stream at the visitor’s end' },
  { case: 'leaving-request', reason: 'gost tells the app when its 15 s timer ends' },
  { case: 'leaving-upgrade', reason: 'gost tells the app when it writes' },
  { case: 'long-host', reason: 'gost itself opens an empty stream for a Host over 255 bytes' }
] satisfies readonly { case: DifferenceName; reason: string }[]
