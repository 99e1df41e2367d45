import { expect, it, vi } from 'vitest'
import type { Framing } from '../../../src/http/message.ts'
import { ResponseWriter } from '../../../src/server/response-writer.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { eventually } from '../../harness/eventually.ts'

const HEAD = Buffer.from('HTTP/1.1 200 OK\r\n\r\n')

/** An answer of this framing on its way to a visitor; `waiting` is what has come of it behind the head. */
function start(framing: Framing, waiting: Buffer[] = []) {
  const [visitor, far] = memoryPair()
  visitor.on('error', () => {})
  const told: string[] = []
  const source = { onRoom: () => void told.push('room'), cutShort: () => void told.push('cut short') }
  const write = vi.spyOn(visitor, 'write')
  const writer = new ResponseWriter(source, { status: 200, framing, forward: HEAD, keepAlive: true }, visitor)
  const stream = {
    get available() {
      return waiting.reduce((sum, { length }) => sum + length, 0)
    },
    take: () => waiting.shift()
  }
  const writes = (): string[] => write.mock.calls.map(([chunk]) => String(chunk))
  return { visitor, far, told, writes, writer, begin: (rest = '') => writer.begin(Buffer.from(rest), stream) }
}

it('writes a head and a small body at once, whether they came together or not', () => {
  const together = start({ kind: 'length', length: 5 })
  together.begin('hello')
  const apart = start({ kind: 'length', length: 5 }, [Buffer.from('hello')])
  apart.begin()
  for (const { writes, writer } of [together, apart]) {
    expect(writes()).toEqual([`${HEAD.toString()}hello`])
    expect(writer.done).toBe(true)
  }
})

it('leaves out what follows the end of the body, and shows the body to a tap', () => {
  const { writes, writer, begin } = start({ kind: 'length', length: 8 })
  const seen: string[] = []
  writer.tap = { responseBody: bytes => void seen.push(bytes.toString()), responseHead: () => {}, requestBody: () => {}, end: () => {} }
  begin('hell')
  expect(writer.done).toBe(false)
  writer.push(Buffer.from('o frHTTP/1.1 200 OK'))
  expect(writer.done).toBe(true)
  expect(writes()).toEqual([`${HEAD.toString()}hell`, 'o fr'])
  expect(seen).toEqual(['hell', 'o fr'])
})

it('is full while the visitor reads nothing, and says when there is room again', async () => {
  const { far, told, writer, begin } = start({ kind: 'close' })
  begin()
  writer.push(Buffer.alloc(400_000))
  expect(writer.full).toBe(true)
  far.resume()
  await eventually(() => expect(told).toEqual(['room']))
  expect(writer.full).toBe(false)
})

it.each([
  ['has gone before', 'before'],
  ['goes while it is full', 'while']
])('says that nothing can be written any more when the visitor %s', async (_when, when) => {
  const { visitor, told, writer, begin } = start({ kind: 'close' })
  if (when === 'before') visitor.destroy()
  begin('x'.repeat(400_000))
  expect(writer.full).toBe(when === 'while')
  visitor.destroy()
  await eventually(() => expect(told).toEqual(['cut short']))
})
