/** A byte stream cut into lines of bounded length. Too long a line ends the reading: what comes after it cannot be trusted. */
import type { Readable } from 'node:stream'
import { ProtocolError } from '../base/errors.ts'

const NEWLINE = 0x0a

/** Throws a ProtocolError `LINE_TOO_LONG`. A last line without its newline is not a line. */
export async function* readLines(stream: Readable, maxBytes: number): AsyncGenerator<string, void, undefined> {
  let rest: Buffer[] = []
  let held = 0
  for await (const chunk of stream) {
    let bytes: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE)) {
      if (held + end > maxBytes) throw tooLong(maxBytes)
      yield Buffer.concat([...rest, bytes.subarray(0, end)]).toString('utf8')
      rest = []
      held = 0
      bytes = bytes.subarray(end + 1)
    }
    held += bytes.length
    if (held > maxBytes) throw tooLong(maxBytes)
    if (bytes.length > 0) rest.push(bytes)
  }
}

const tooLong = (maxBytes: number): ProtocolError => new ProtocolError('LINE_TOO_LONG', `a line of more than ${maxBytes} bytes`)
