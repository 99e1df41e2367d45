/** Our `.ndjson` recordings: events, one a line; exchanges are put together from theirs. */
import type { KeptBody, KeptRequest, KeptResponse } from '../capture/kept.ts'
import type { Header } from '../event/types.ts'
import { type Fields, fields, whoOf } from './fields.ts'
import { notOne } from './not-a-recording.ts'
import type { Recorded, RecordedExchange } from './recorded.ts'

type Draft = { -readonly [K in keyof RecordedExchange]: RecordedExchange[K] }

export function readEvents(text: string, name: string): Recorded {
  const drafts = new Map<string, Draft>()
  const locals = new Map<string, string>()
  const lines = text.split('\n')
  lines.forEach((line, index) => {
    if (line.trim() === '') return
    const event = parsed(line)
    // The last line may have been cut off by a kill.
    if (event === undefined && index >= lines.length - 2) return
    if (event === undefined) throw notOne(name, `line ${index + 1} is no JSON object`)
    if (event['type'] === 'plan.resolved') locals.set(str(event['target']), str(event['local']))
    else takeEvent(drafts, event)
  })
  return { exchanges: [...drafts.values()], locals }
}

function takeEvent(drafts: Map<string, Draft>, event: Fields): void {
  const id = str(event['id'])
  if (event['type'] === 'exchange.started') {
    const target = event['target'] === undefined ? undefined : str(event['target'])
    drafts.set(id, {
      id,
      protocol: str(event['protocol']),
      who: whoOf(event['who']),
      source: str(event['source']),
      request: undefined,
      response: undefined,
      unparsed: false,
      target
    })
    return
  }
  const draft = drafts.get(id)
  if (draft === undefined) return
  if (event['type'] === 'exchange.request') draft.request = requestOf(event)
  else if (event['type'] === 'exchange.response') {
    draft.response = {
      status: Number(event['status']),
      reason: '',
      version: '1.1',
      headers: headersOf(event['headers']),
      trailers: [],
      body: UNKNOWN
    }
  } else if (event['type'] === 'exchange.completed' || event['type'] === 'exchange.aborted') {
    if (event['bodies'] !== undefined) takeBodies(draft, fields(event['bodies']))
    draft.unparsed = event['unparsed'] === true
  }
}

/** What was not sent has no field. */
function takeBodies(draft: Draft, { request, response }: Fields): void {
  if (draft.request !== undefined) draft.request = { ...draft.request, body: request === undefined ? NONE : bodyOf(fields(request)) }
  if (draft.response !== undefined) draft.response = { ...draft.response, body: response === undefined ? NONE : bodyOf(fields(response)) }
}

const NONE: KeptBody = { bytes: Buffer.alloc(0), size: 0, truncated: false }
/** Events without bodies, as `-o json` prints them. */
const UNKNOWN: KeptBody = { ...NONE, truncated: true }
/** What a head says of the body that the recording does not hold. */
const declared = (headers: readonly Header[]): KeptBody => {
  const of = (wanted: string): string | undefined => headers.find(([name]) => name.toLowerCase() === wanted)?.[1]
  const size = Number(of('content-length') ?? 0) || 0
  return size > 0 || of('transfer-encoding') !== undefined ? { ...UNKNOWN, size } : NONE
}

function requestOf(event: Fields): KeptRequest {
  const path = str(event['path'])
  const headers = headersOf(event['headers'])
  return {
    method: str(event['method']),
    target: path,
    host: str(event['host']),
    path,
    version: event['httpVersion'] === '1.0' ? '1.0' : '1.1',
    headers,
    trailers: [],
    body: declared(headers)
  }
}

function bodyOf(body: Fields): KeptResponse['body'] {
  const bytes = typeof body['base64'] === 'string' ? Buffer.from(body['base64'], 'base64') : Buffer.from(str(body['text']), 'utf8')
  return { bytes, size: typeof body['size'] === 'number' ? body['size'] : bytes.length, truncated: body['truncated'] === true }
}

const headersOf = (value: unknown): Header[] =>
  Array.isArray(value)
    ? value.filter((pair): pair is [string, string] => Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'string')
    : []

const str = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '')

function parsed(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
  } catch {
    return undefined // the caller says which line
  }
}
