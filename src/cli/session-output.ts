/** The output of a streaming command: `-o plain` or `-o json` on stdout, fed by the events. */
import { eventLines } from '../event/event-lines.ts'
import type { EventStream } from '../event/stream.ts'
import { joinedWriter } from '../output/joined-writer.ts'
import { plainOutput } from '../output/plain.ts'
import { type Io, wantsColor } from './io.ts'
import { flush } from './exit.ts'
import { unblock } from './unblock.ts'

export interface SessionOutput {
  /** Resolves when everything said so far is out. */
  flushed(): Promise<void>
}

export function sessionOutput(format: 'plain' | 'json', events: EventStream, io: Io): SessionOutput {
  unblock(io.stdout)
  if (format === 'json') {
    const lines = eventLines(io.stdout)
    events.subscribe(lines.push)
    return { flushed: lines.flushed }
  }
  const columns = io.stdout.isTTY === true ? io.stdout.columns : undefined
  const out = joinedWriter(io.stdout)
  const plain = plainOutput({ out, color: wantsColor(io.stdout, io.env), columns })
  events.subscribe(plain.event)
  return {
    flushed() {
      out.flush()
      return flush([io.stdout])
    }
  }
}
