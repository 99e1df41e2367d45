import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeReply, REPLY, SOCKS_MAX_BYTES, type SocksEvent, SocksError, SocksReader } from '../../../src/access/socks.ts'
import { feedEveryWay } from '../../harness/feed.ts'

const GREETING = Buffer.from([5, 1, 0])
const name = (text: string, port: number): Buffer =>
  Buffer.concat([Buffer.from([5, 1, 0, 3, text.length]), Buffer.from(text, 'latin1'), Buffer.from([port >> 8, port & 255])])

/** All events; what follows the request within later chunks is added to its rest. */
function read(chunks: readonly Buffer[]): SocksEvent[] {
  const reader = new SocksReader()
  const events: SocksEvent[] = []
  for (const chunk of chunks) {
    const last = events.at(-1)
    if (last?.kind === 'request') last.rest = Buffer.concat([last.rest, chunk])
    else events.push(...reader.push(chunk))
  }
  return events
}
const failure = (bytes: Buffer): SocksError => {
  try {
    read([bytes])
  } catch (error) {
    if (error instanceof SocksError) return error
  }
  throw new Error('it was taken')
}

describe('a SOCKS5 client', () => {
  it.each([
    ['a name', name('db.shop', 5_432), { host: 'db.shop', port: 5_432 }],
    ['an IPv4 address', Buffer.from([5, 1, 0, 1, 10, 96, 0, 1, 1, 187]), { host: '10.96.0.1', port: 443 }],
    [
      'an IPv6 address',
      Buffer.concat([Buffer.from([5, 1, 0, 4]), Buffer.from('fd000000000000000000000000000007', 'hex'), Buffer.from([0, 80])]),
      { host: 'fd00::7', port: 80 }
    ],
    ['the longest name', name('x'.repeat(255), 1), { host: 'x'.repeat(255), port: 1 }],
    ['an empty name and port 0', name('', 0), { host: '', port: 0 }]
  ])('asks for %s, however its bytes are cut, and the rest is its own', (_what, request, to) => {
    const rest = Buffer.from('GET / HTTP/1.1\r\n\r\n')
    feedEveryWay(Buffer.concat([GREETING, request, rest]), chunks => {
      expect(read(chunks)).toEqual([
        { kind: 'answer', bytes: Buffer.from([5, 0]) },
        { kind: 'request', command: 'connect', to, rest }
      ])
    })
  })

  it('may offer other methods beside none', () => {
    expect(read([Buffer.concat([Buffer.from([5, 3, 2, 1, 0]), name('a', 1)])])).toHaveLength(2)
  })

  it.each([
    [2, 'bind'],
    [3, 'udp-associate']
  ])('asks for command %i: %s', (code, command) => {
    const request = name('a', 1)
    request[1] = code
    expect(read([GREETING, request]).at(-1)).toMatchObject({ command })
  })

  it.each([
    ['without a way that we have', Buffer.from([5, 1, 2]), Buffer.from([5, 0xff])],
    ['with no way at all', Buffer.from([5, 0]), Buffer.from([5, 0xff])],
    [
      'with an unknown command',
      Buffer.concat([GREETING, Buffer.from([5, 9, 0, 1, 1, 2, 3, 4, 0, 1])]),
      encodeReply(REPLY.commandNotSupported)
    ],
    ['with an unknown address type', Buffer.concat([GREETING, Buffer.from([5, 1, 0, 2, 1])]), encodeReply(REPLY.addressTypeNotSupported)],
    ['of version 4', Buffer.from([4, 1, 0, 80]), undefined],
    ['whose request is of another version', Buffer.concat([GREETING, Buffer.from([4, 1, 0, 1, 1])]), undefined]
  ])('%s is told so', (_what, bytes, answer) => {
    expect(failure(bytes).answer).toEqual(answer)
  })

  it('that lies about lengths is waited for, never read beyond its message', () => {
    expect(read([Buffer.from([5, 200, 0])])).toEqual([])
    expect(read([GREETING, Buffer.from([5, 1, 0, 3, 200, 97])])).toHaveLength(1)
  })

  it('with any garbage is refused or waited for within the longest message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 2 * SOCKS_MAX_BYTES }), bytes => {
        const feed = Buffer.concat([Buffer.from([5]), bytes])
        let events: SocksEvent[] = []
        try {
          events = read([feed])
        } catch (error) {
          expect(error).toBeInstanceOf(SocksError)
          return
        }
        if (events.at(-1)?.kind !== 'request') expect(feed.length).toBeLessThan(SOCKS_MAX_BYTES)
      })
    )
  })
})

it('a reply has the form of RFC 1928 §6', () => {
  expect(encodeReply(REPLY.refused)).toEqual(Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0]))
})
