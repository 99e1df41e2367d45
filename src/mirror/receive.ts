/** The stream on which a server of ours sends copies → the mirror. Read as fast as it comes: what is too much is dropped by the mirror and counted. */
import type { Connection } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { type Copy, MirrorDecoder } from '../tunnel/mirror-channel.ts'
import type { Mirror } from './mirror.ts'
import { type OriginalContext, tellOriginal } from './original.ts'

export interface ReceiveOptions extends OriginalContext {
  mirror: Mirror
  log: Logger
  /** A probe of a session's own is nobody's request. */
  isProbe: (copy: Copy) => boolean
}

export function receiveCopies(connection: Connection, options: ReceiveOptions): void {
  const { mirror, log } = options
  const decoder = new MirrorDecoder()
  connection.on('error', () => {}) // `close` follows
  connection.on('data', (chunk: Buffer) => {
    try {
      for (const message of decoder.push(chunk)) {
        if (message.type === 'dropped') mirror.lost(message)
        else if (!options.isProbe(message)) receive(message, options)
      }
    } catch (error) {
      log.warn('copies cannot be read', { error: asError(error) })
      connection.destroy()
    }
  })
  connection.once('end', () => connection.destroy())
}

function receive(copy: Copy, options: ReceiveOptions): void {
  try {
    const original = tellOriginal(copy, options)
    if (original !== undefined) options.mirror.offer(original)
  } catch (error) {
    options.log.info('a copy is left out', { error: asError(error) })
  }
}
