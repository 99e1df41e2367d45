/** A recording → what was asked and answered: of ours (.ndjson, .har) and of browsers' HAR files. Pure; odd fields are tolerated, wrong types named. */
import type { KeptExchange } from '../capture/kept.ts'
import { notOne } from './not-a-recording.ts'
import { readEvents } from './read-events.ts'
import { readHar } from './read-har.ts'

/** As much of an exchange as a recording holds. */
export type RecordedExchange = Pick<KeptExchange, 'id' | 'protocol' | 'who' | 'source' | 'request' | 'response' | 'unparsed' | 'target'>

export interface Recorded {
  readonly exchanges: readonly RecordedExchange[]
  /** Where the local app listened, by target; empty when the recording does not say. */
  readonly locals: ReadonlyMap<string, string>
}

/** Throws BAD_USAGE when it is no recording. `name`: of the file. */
export function readRecording(text: string, name: string): Recorded {
  const start = text.trimStart()
  if (!start.startsWith('{')) throw notOne(name, 'it does not begin with {')
  // A HAR is one JSON document, the other one a line each.
  const firstLine = start.slice(0, start.indexOf('\n') === -1 ? undefined : start.indexOf('\n'))
  return /"v"\s*:\s*1\b/.test(firstLine.slice(0, 200)) && /"type"\s*:/.test(firstLine) ? readEvents(text, name) : readHar(text, name)
}
