import { describe, expect, it } from 'vitest'
import { logger } from '../../../src/base/log.ts'
import { jsonLogSink } from '../../../src/output/json-log.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

class Out {
  text = ''
  writableLength = 0
  write(text: string): void {
    this.text += text
  }
}

describe('logs as JSON', () => {
  it('are one object a line, without secrets', () => {
    const out = new Out()
    const log = logger(jsonLogSink(out, fakeClock()), 'info').child('server')
    log.info('connector bound', { tunnel: '10bc451e-59dc-4c70-999e-91a30813ac78', password: 'word', weight: 3 })
    log.debug('not at this level')
    expect(out.text.endsWith('}\n')).toBe(true)
    expect(JSON.parse(out.text)).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      scope: 'server',
      tunnel: '10bc451e…',
      password: '••••••',
      weight: 3,
      msg: 'connector bound'
    })
  })

  it('are dropped while nobody reads them', () => {
    const out = new Out()
    const log = logger(jsonLogSink(out, fakeClock()), 'info')
    out.writableLength = 2_000_000
    log.error('lost')
    out.writableLength = 0
    log.error('kept')
    expect(out.text).toContain('kept')
    expect(out.text).not.toContain('lost')
  })
})
