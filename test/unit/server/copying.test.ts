import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { Copying, CopyPages } from '../../../src/server/copying.ts'
import { type Collected, MirrorFeed } from '../../../src/server/mirror-feed.ts'
import type { Connector } from '../../../src/server/registry.ts'
import { MirrorDecoder } from '../../../src/tunnel/mirror-channel.ts'
import { seeded } from '../../harness/feed.ts'

const connector = { hello: undefined, tunnelId: 't', condition: 'mirror' } as unknown as Connector

/** A feed that keeps what it is offered, as it would be sent. */
class KeepingFeed extends MirrorFeed {
  readonly sent: Buffer[] = []

  override offer(line: string, copy: Collected): void {
    const bytes = Buffer.alloc(line.length + copy.bytes)
    copy.write(bytes, bytes.write(line, 'latin1'))
    this.sent.push(bytes)
  }
}

function world(limit = 67_108_864) {
  const held = { bytes: 0, limit }
  const feed = new KeepingFeed({ connector, rate: 1, clock: systemClock, held, counts: { copies: 0, dropped: 0 } })
  const pages = new CopyPages()
  const open = (head: Buffer): Copying =>
    new Copying(
      { connector, source: { host: '::1', port: 80 }, startedAt: 0, head, asked: () => ({ subject: undefined }) as never },
      { feeds: [feed], held, pages, clock: systemClock }
    )
  return { held, feed, open }
}

describe('an exchange on its way into a copy', () => {
  it('keeps both messages in order, whatever the sizes of their pieces and however they take turns', () => {
    const random = seeded(7)
    const piece = (): Buffer => Buffer.alloc(1 + Math.floor(random() * (random() < 0.2 ? 5_000 : 300)), Math.floor(random() * 256))
    const { held, feed, open } = world()
    for (let round = 0; round < 300; round += 1) {
      const request = [piece()]
      const response: Buffer[] = []
      const lent = Buffer.from(request[0] as Buffer)
      const copying = open(lent)
      lent.fill(0) // used again by whoever lent it
      for (let pieces = Math.floor(random() * 12); pieces > 0; pieces -= 1) {
        const bytes = piece()
        const given = Buffer.from(bytes)
        if (response.length === 0 && random() < 0.5) request.push(bytes)
        else if (response.length === 0) response.push(bytes)
        else (random() < 0.4 ? request : response).push(bytes)
        if (request.at(-1) === bytes) copying.requestBody(given)
        else if (response.length === 1) copying.responseHead(given)
        else copying.responseBody(given)
        given.fill(0)
      }
      copying.end(true)
      expect(held.bytes).toBe(0)
      const [copy] = new MirrorDecoder().push(feed.sent.at(-1) ?? Buffer.alloc(0))
      expect(copy).toMatchObject({ type: 'copy', source: '[::1]:80', request: Buffer.concat(request), response: Buffer.concat(response) })
    }
  })

  it('is dropped where memory is short, and counted once', () => {
    const { held, feed, open } = world(1_000)
    const copying = open(Buffer.alloc(600))
    copying.requestBody(Buffer.alloc(600))
    copying.responseHead(Buffer.alloc(10))
    copying.end(true)
    expect(feed.sent).toEqual([])
    expect(held.bytes).toBe(0)
  })
})
