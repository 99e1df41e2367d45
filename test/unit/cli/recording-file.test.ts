import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { ExchangeStore } from '../../../src/capture/exchange-store.ts'
import { maskHeaders } from '../../../src/capture/mask.ts'
import { recordTo } from '../../../src/cli/recording-file.ts'
import type { SessionEvent } from '../../../src/event/types.ts'
import { eventStream } from '../../../src/event/stream.ts'
import { eventually } from '../../harness/eventually.ts'

describe.runIf(process.platform === 'linux')('a recording on a full disk', () => {
  it.each(['a.har', 'a.ndjson'])('of %s is told once while it goes on, and costs nothing else', async file => {
    const folder = await mkdtemp(path.join(tmpdir(), 'full-'))
    const events = eventStream('s', systemClock)
    const seen: SessionEvent[] = []
    events.subscribe(event => seen.push(event))
    const notices = (): string[] => seen.flatMap(event => (event.type === 'notice' ? [event.message] : []))
    const recording = await recordTo({
      file,
      cwd: folder,
      events,
      log: new ExchangeStore(),
      mask: maskHeaders(),
      create: () => open('/dev/full', 'w')
    })
    const start = { kind: 'request', protocol: 'http/1.1', who: 'laptop', source: '203.0.113.9' } as const
    events.emit('exchange.started', { id: '1', ...start })
    await eventually(() => expect(notices()).toEqual([expect.stringMatching(/^the recording broke off: .*ENOSPC/)]))
    for (let id = 2; id < 50; id += 1) events.emit('exchange.started', { id: String(id), ...start })
    expect(notices()).toHaveLength(1)
    await recording.close()
    await rm(folder, { recursive: true })
  })
})
