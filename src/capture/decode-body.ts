/**
 * A body as its Content-Encoding unpacks, for reading and comparing: bounded, also for bombs; what is broken or cut off gives what can be had,
 * and says so. Never throws.
 */
import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import { errnoOf } from '../base/errors.ts'

export interface DecodedBody {
  readonly bytes: Buffer
  /** What a reader must know; absent when the body is whole and as it was meant. */
  readonly note?: string
}

export interface DecodeOptions {
  /** The body was not kept whole: its end being missing is no fault of the sender. */
  truncated?: boolean
  maxBytes?: number
}

type Unpack = (bytes: Buffer, options: { maxOutputLength: number; finishFlush?: number }) => Buffer

interface Coding {
  readonly unpack: Unpack
  /** Gives what there is instead of failing at a missing end. */
  readonly lenient: number
}

const CODINGS: Readonly<Record<string, Coding>> = {
  gzip: { unpack: (bytes, options) => gunzipSync(bytes, options), lenient: constants.Z_SYNC_FLUSH },
  // RFC 9110 §8.4.1.2 means zlib's format; some servers send the bare stream.
  deflate: {
    unpack: (bytes, options) => ((bytes[0] ?? 0) % 16 === 8 ? inflateSync : inflateRawSync)(bytes, options),
    lenient: constants.Z_SYNC_FLUSH
  },
  br: { unpack: (bytes, options) => brotliDecompressSync(bytes, options), lenient: constants.BROTLI_OPERATION_FLUSH },
  zstd: { unpack: (bytes, options) => zstdDecompressSync(bytes, options), lenient: constants.ZSTD_e_flush }
}

const MAX_BYTES = 1_048_576
/** Nobody stacks more; whoever does wants something else. */
const MAX_STACKED = 3

export function decodeBody(
  bytes: Buffer,
  coding: string | undefined,
  { truncated = false, maxBytes = MAX_BYTES }: DecodeOptions = {}
): DecodedBody {
  const codings = (coding ?? '')
    .toLowerCase()
    .split(',')
    .map(part => part.trim().replace(/^x-/, ''))
    .filter(part => part !== '' && part !== 'identity')
  if (codings.length > MAX_STACKED) return { bytes, note: `packed ${codings.length} times: shown as it came` }
  let decoded = bytes
  for (const name of codings.toReversed()) {
    const how = Object.hasOwn(CODINGS, name) ? CODINGS[name] : undefined
    if (how === undefined) return { bytes: decoded, note: `the coding ${name} is unknown here: shown as it came` }
    const result = unpacked(how, decoded, maxBytes)
    if (result.problem === 'too large')
      return { bytes: result.bytes, note: `unpacks to more than ${maxBytes / 1_048_576} MiB: shown in part` }
    if (result.problem !== undefined && !(truncated && result.problem === 'cut off'))
      return { bytes: result.bytes, note: `${name} that is ${result.problem}: shown as far as it can be unpacked` }
    decoded = result.bytes
  }
  return { bytes: decoded }
}

interface Unpacked {
  readonly bytes: Buffer
  readonly problem?: 'too large' | 'broken' | 'cut off'
}

function unpacked({ unpack, lenient }: Coding, bytes: Buffer, maxOutputLength: number): Unpacked {
  try {
    return { bytes: unpack(bytes, { maxOutputLength }) }
  } catch (error) {
    if (errnoOf(error) === 'ERR_BUFFER_TOO_LARGE')
      return { bytes: longestPrefix({ unpack, lenient }, bytes, maxOutputLength), problem: 'too large' }
  }
  try {
    return { bytes: unpack(bytes, { maxOutputLength, finishFlush: lenient }), problem: 'cut off' }
  } catch {
    return { bytes: longestPrefix({ unpack, lenient }, bytes, maxOutputLength), problem: 'broken' }
  }
}

/** How much of it can be unpacked: a search over the length of the input, since zlib gives nothing of what fails at its end. */
function longestPrefix({ unpack, lenient }: Coding, bytes: Buffer, maxOutputLength: number): Buffer {
  let best: Buffer = Buffer.alloc(0)
  let low = 0
  let high = bytes.length
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    try {
      best = unpack(bytes.subarray(0, middle), { maxOutputLength, finishFlush: lenient })
      low = middle
    } catch {
      high = middle - 1
    }
  }
  return best
}
