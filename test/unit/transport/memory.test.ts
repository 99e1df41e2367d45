import { describe, expect, it } from 'vitest'
import { memoryPair } from '../../../src/transport/memory.ts'
import { eventually } from '../../harness/eventually.ts'

describe('memoryPair', () => {
  it('delivers in a later tick, in order, one chunk per write that waited', async () => {
    const [a, b] = memoryPair()
    const chunks: string[] = []
    b.on('data', (chunk: Buffer) => chunks.push(chunk.toString()))
    a.write('1')
    a.write('2')
    a.write('3')
    expect(chunks).toEqual([])
    await eventually(() => expect(chunks).toEqual(['1', '23']))
  })

  it('ends one direction and keeps the other', async () => {
    const [a, b] = memoryPair()
    let text = ''
    a.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    b.resume()
    a.end('question')
    await eventually(() => expect(b.readableEnded).toBe(true))
    b.end('answer')
    await eventually(() => expect([text, a.closed, b.closed]).toEqual(['answer', true, true]))
  })

  it('lets a writer wait at the high-water mark until the other end reads', async () => {
    const [a, b] = memoryPair({ highWaterMark: 10 })
    let done = 0
    for (let i = 0; i < 4; i += 1) a.write(Buffer.alloc(10), () => (done += 1))
    await eventually(() => expect(b.readableLength).toBeGreaterThan(0))
    expect(done).toBe(0)
    b.resume()
    await eventually(() => expect(done).toBe(4))
  })

  it('ends cleanly when the other end is destroyed, and fails writes', async () => {
    const [a, b] = memoryPair()
    a.resume()
    b.destroy()
    await eventually(() => expect(a.readableEnded).toBe(true))
    a.write('x')
    await eventually(() => expect(a.errored).toMatchObject({ code: 'EPIPE' }))
  })

  it('is reset when the other end is destroyed with an error, also while it waits to write', async () => {
    const [a, b] = memoryPair({ highWaterMark: 1 })
    a.write('waits')
    await eventually(() => expect(b.readableLength).toBe(5))
    b.destroy(new Error('broken'))
    await eventually(() => expect(a.errored).toMatchObject({ code: 'ECONNRESET' }))
  })

  it('names its ends and whether it is opaque', () => {
    const [a, b] = memoryPair({ opaque: true })
    expect(a.remote).toEqual(b.local)
    expect([a.opaque, b.opaque]).toEqual([true, true])
  })
})
