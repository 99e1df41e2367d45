import { describe, expect, it } from 'vitest'
import { joinedWriter } from '../../../src/output/joined-writer.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

function writer() {
  const clock = fakeClock()
  const writes: string[] = []
  const out = { writableLength: 7, write: (text: string) => writes.push(text) }
  return { clock, writes, joined: joinedWriter(out, clock) }
}

describe('joinedWriter', () => {
  it('writes the first line at once and those that follow closely together', async () => {
    const { clock, writes, joined } = writer()
    for (const line of ['a\n', 'b\n', 'c\n']) joined.write(line)
    expect(writes).toEqual(['a\n'])
    await clock.advance(25)
    expect(writes).toEqual(['a\n', 'b\nc\n'])
  })

  it('is quick again after a quiet moment, and keeps no timer then', async () => {
    const { clock, writes, joined } = writer()
    joined.write('a\n')
    await clock.advance(25)
    expect(clock.pending).toBe(0)
    joined.write('b\n')
    expect(writes).toEqual(['a\n', 'b\n'])
  })

  it('counts what waits as not yet written', () => {
    const { joined } = writer()
    joined.write('a\n')
    joined.write('12345')
    expect(joined.writableLength).toBe(12)
  })

  it('hands on what waits when it is asked to, once', async () => {
    const { clock, writes, joined } = writer()
    joined.write('a\n')
    joined.write('b\n')
    joined.flush()
    await clock.advance(100)
    expect(writes).toEqual(['a\n', 'b\n'])
  })
})
