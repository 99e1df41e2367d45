/** The file of `--record`: never over another one, readable by nobody else, and never waited for while the session runs. */
import { type FileHandle, open, rm } from 'node:fs/promises'
import path from 'node:path'
import { asError, errnoOf, InterceptError } from '../base/errors.ts'
import type { ExchangeLog } from '../capture/kept.ts'
import type { Mask } from '../capture/mask.ts'
import type { EventStream } from '../event/stream.ts'
import { recording, recordingFormat } from '../output/recording.ts'
import { badUsage, quoted } from './usage-error.ts'
import { VERSION } from './version.ts'

/** What may wait for a slow disk. */
const MAX_WAITING_BYTES = 67_108_864

export interface RecordingFile {
  /** Whole. */
  readonly path: string
  /** Resolves when everything is in the file. That of a session which never came up is removed: it would be in the way of the next try. */
  close(): Promise<void>
}

export interface RecordingFileOptions {
  file: string
  cwd: string
  events: EventStream
  log: ExchangeLog
  mask: Mask
  /** For tests: another disk. */
  create?: (file: string) => Promise<FileHandle>
}

/** Never over another one; only for this user. */
const createFile = (file: string): Promise<FileHandle> => open(file, 'wx', 0o600)

/** Throws BAD_USAGE: another ending, a file that is there, or what the file system says. */
export async function recordTo({ file, cwd, events, log, mask, create = createFile }: RecordingFileOptions): Promise<RecordingFile> {
  const format = recordingFormat(file)
  if (format === undefined) throw badUsage(`--record ${quoted(file)} must end with .har or .ndjson`, 'for example: --record traffic.har')
  const whole = path.resolve(cwd, file)
  const handle = await create(whole).catch((error: unknown) => {
    if (errnoOf(error) === 'EEXIST')
      throw badUsage(`${file} exists already, and a recording never replaces a file`, `remove it (rm ${file}), or choose another name`)
    throw new InterceptError('BAD_USAGE', `${file} cannot be written: ${asError(error).message}`, {
      hint: 'choose another folder: --record /tmp/traffic.har',
      cause: error
    })
  })
  const stream = handle.createWriteStream()
  let failed = false
  stream.on('error', error => {
    if (!failed) events.emit('notice', { level: 'warn', code: 'RECORDING', message: `the recording broke off: ${error.message}` })
    failed = true
  })
  const written = recording({
    format,
    log,
    mask,
    version: VERSION,
    sink: {
      write(text, last = false) {
        if (failed || (!last && stream.writableLength > MAX_WAITING_BYTES)) return false
        stream.write(text)
        return true
      }
    }
  })
  let worthKeeping = false
  const unsubscribe = events.subscribe(event => {
    worthKeeping ||= event.type === 'exchange.started' || (event.type === 'session.ended' && event.reason !== 'error')
    written.event(event)
  })
  return {
    path: whole,
    async close() {
      unsubscribe()
      written.end()
      if (written.lost > 0)
        events.emit('notice', { level: 'warn', code: 'RECORDING', message: `${written.lost} entries of the recording were lost` })
      if (!failed) await new Promise<void>(resolve => void stream.once('error', () => resolve()).end(resolve))
      if (!worthKeeping) await rm(whole, { force: true })
    }
  }
}
