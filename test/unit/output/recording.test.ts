import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import type { ExchangeLog, KeptExchange } from '../../../src/capture/kept.ts'
import { maskHeaders } from '../../../src/capture/mask.ts'
import { eventStream } from '../../../src/event/stream.ts'
import { type Recording, recording, recordingFormat } from '../../../src/output/recording.ts'
import { readRecording } from '../../../src/replay/recorded.ts'
import { body, kept, keptRequest } from '../../harness/kept.ts'

/** A recording of exchanges that just ended; the sink takes nothing while `full` says so. */
function recorded(format: 'har' | 'ndjson', exchanges: readonly KeptExchange[], full: (id: string) => boolean = () => false) {
  let text = ''
  let taking = true
  const log: Pick<ExchangeLog, 'get'> = { get: id => exchanges.find(exchange => exchange.id === id) }
  const sink = {
    write(piece: string, last = false) {
      if (taking || last) text += piece
      return taking || last
    }
  }
  const written: Recording = recording({ format, sink, log: log as ExchangeLog, mask: maskHeaders(), version: '1' })
  const events = eventStream('s', systemClock)
  events.subscribe(written.event)
  for (const { id } of exchanges) {
    taking = !full(id)
    events.emit('exchange.completed', { id, status: 200, bytesIn: 1, bytesOut: 1, timings: { totalMs: 1 } })
  }
  written.end()
  return { text, lost: written.lost }
}

const three = ['1', '2', '3'].map(id => kept({ id, request: keptRequest({ path: `/${id}` }) }))
const pathsOf = (text: string): unknown[] => readRecording(text, 'a.har').exchanges.map(({ request }) => request?.path)

describe('a recording', () => {
  it('goes by the ending of the name', () => {
    expect(['a.har', 'A.HAR', 'a.ndjson', 'a.json', 'har'].map(recordingFormat)).toEqual(['har', 'har', 'ndjson', undefined, undefined])
  })

  it.each(['1', '2', '3'])('is a valid HAR when the file does not take entry %s, and counts it', missing => {
    const { text, lost } = recorded('har', three, id => id === missing)
    expect(pathsOf(text)).toEqual(['1', '2', '3'].filter(id => id !== missing).map(id => `/${id}`))
    expect(lost).toBe(1)
  })

  it('is a valid HAR without any entry', () => {
    expect(JSON.parse(recorded('har', []).text)).toMatchObject({ log: { version: '1.2', entries: [] } })
    expect(JSON.parse(recorded('har', three, () => true).text)).toMatchObject({ log: { entries: [] } })
  })

  it('leaves out of a HAR what is no request, and has it in the events', () => {
    const tcp = kept({ id: '1', kind: 'connection', protocol: 'tcp', request: undefined, response: undefined })
    expect(pathsOf(recorded('har', [tcp]).text)).toEqual([])
    expect(JSON.parse(recorded('ndjson', [tcp]).text)).toMatchObject({ type: 'exchange.completed', bodies: {} })
  })

  it('says of a body how much of it is there', () => {
    const exchange = kept({ request: keptRequest({ method: 'POST', body: body('beginning', { size: 9_000, truncated: true }) }) })
    expect(JSON.parse(recorded('ndjson', [exchange]).text)).toMatchObject({
      bodies: { request: { size: 9_000, truncated: true, text: 'beginning' } }
    })
  })
})
